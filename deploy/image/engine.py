"""The Docker that builds and runs the image: a running one, or a private one for the length of a block."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.docker import Docker, dockerd


class MachinesDocker(Docker):
    """The Docker that the client finds by default."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment as it is."""
        return dict(os.environ)


def running_docker() -> Docker | None:
    """Return a running Docker, None if there is none."""
    client = shutil.which("docker")
    if client is None:
        return None
    try:
        result = subprocess.run([client, "version"], check=False, capture_output=True, timeout=10)
    except subprocess.TimeoutExpired:
        return None
    return None if result.returncode else MachinesDocker(Path(), Path(client))


@contextmanager
def engine(*, network: bool = False) -> Iterator[Docker]:
    """Provide a running Docker, or start one; raises ClusterError with what is missing.

    A private one has a network for its containers only with *network*.
    """
    if found := running_docker():
        yield found
        return
    with dockerd(network=network) as private:
        yield private
