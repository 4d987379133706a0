"""The image that ``make image`` has built: loaded into a Docker, and its files as they would be on a node."""

import io
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.image.build import ARCHIVE, TAG
from deploy.image.engine import engine
from deploy.image.figures import CONFINED
from tests.asked import skip_unless_asked
from tests.cluster.docker import Docker

HERE = Path(__file__).parent
ASKED = "make test-image runs it"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs the image, and skip it by name where nobody asked for it with `-m image`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.image)
    skip_unless_asked(config, items, "image", folder=HERE, reason=ASKED)


@dataclass(frozen=True, slots=True)
class Image:
    """The image in a Docker."""

    docker: Docker
    tag: str = TAG
    confined: tuple[str, ...] = field(default=CONFINED)

    def run(self, *arguments: str, options: tuple[str, ...] = ()) -> str:
        """Run the program, confined as in the chart, and return what it prints; raise where it fails."""
        return self.docker("run", *self.confined, *options, self.tag, *arguments)

    def python(self, program: str, *options: str) -> str:
        """Run a program of ours with the interpreter of the image."""
        return self.run("-c", program, options=("--entrypoint=python", *options))


@dataclass(frozen=True, slots=True)
class Files:
    """What is in the image, by path without the first slash."""

    members: Mapping[str, tarfile.TarInfo]
    content: Mapping[str, bytes]


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """Give the image, ready to run."""
    if not ARCHIVE.exists():
        pytest.fail(f"{ARCHIVE} is not there: make image builds it", pytrace=False)
    with engine() as docker:
        docker("load", "--input", ARCHIVE)
        yield Image(docker)


@pytest.fixture(scope="session")
def files(image: Image) -> Files:
    """Give the image's files."""
    name = image.docker("create", image.tag).strip()
    exported = subprocess.run(
        [image.docker.client, "export", name], check=True, capture_output=True, env=image.docker.environment
    ).stdout
    image.docker("rm", name)
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        members = {each.name.rstrip("/"): each for each in archive}
        readable = {name: archive.extractfile(each) for name, each in members.items() if each.isfile()}
        return Files(members, {name: file.read() for name, file in readable.items() if file})
