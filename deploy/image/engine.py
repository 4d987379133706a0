"""Which Docker builds and runs the image: the one that answers, or a private one that ends with the block."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.docker import Docker, dockerd


class MachinesDocker(Docker):
    """The Docker that this machine's client finds by itself."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment as it is."""
        return dict(os.environ)


def answering() -> Docker | None:
    """Look for a Docker that answers."""
    client = shutil.which("docker")
    if client is None:
        return None
    try:
        asked = subprocess.run([client, "version"], check=False, capture_output=True, timeout=10)
    except subprocess.TimeoutExpired:
        return None
    return None if asked.returncode else MachinesDocker(Path(), Path(client))


@contextmanager
def engine(*, network: bool = False) -> Iterator[Docker]:
    """Give the Docker that answers, or start one; raise ClusterError, which says what is missing, where neither is.

    A private one gives its containers a network of their own only with *network*.
    """
    if found := answering():
        yield found
        return
    with dockerd(network=network) as private:
        yield private
