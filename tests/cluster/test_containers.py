"""The paths through testcontainers are taken once in every run, on images made here: a path that never runs rots."""

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest
from testcontainers.community.k3s import K3SContainer
from testcontainers.core.config import ConnectionMode, testcontainers_config

from deploy.image import debian
from tests import postgres
from tests.cluster.docker import Docker
from tests.cluster.kubernetes import binaries, sources

STANDIN = """
FROM tests/python:1
COPY kubernetes pod /opt/kubernetes/
RUN ["/bin/sh", "-c", "for name in {commands}; do ln -s kubernetes /opt/kubernetes/$name; done"]
COPY tests /opt/tests/
WORKDIR /opt
ENTRYPOINT ["python3", "-m", "tests.cluster.kubernetes.standin"]
"""


@pytest.fixture
def engine(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Let testcontainers find the engine of the tests' own."""
    monkeypatch.setenv("DOCKER_HOST", docker.environment["DOCKER_HOST"])
    # It has read its other variables long ago.
    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.docker_host)
    monkeypatch.setattr(testcontainers_config, "tc_host_override", "127.0.0.1")
    return docker


def test_a_postgresql_is_a_container_where_docker_has_its_image(
    engine: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image is one of Debian packages."""
    image = "tests/postgres:1"
    entry = 'ENTRYPOINT ["/usr/local/bin/postgres-entrypoint.sh"]'
    engine("import", f"--change={entry}", debian.archive(debian.POSTGRES), image)
    monkeypatch.setattr(postgres, "IMAGE", image)

    source = postgres.container()
    assert source is not None
    with source.start() as server:
        version = asyncio.run(_version(server.create_database()))
        running = engine("ps", "--quiet", f"--filter=ancestor={image}").split()
    left = engine("ps", "--all", "--quiet").split()

    assert source.description == f"a container of {image}"
    assert version.startswith("PostgreSQL ")
    assert (len(running), left) == (1, [])


def test_a_kubernetes_is_a_container_where_docker_has_its_image(
    engine: Docker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The image is a stand-in of K3s; what is shown is how it is found, started, logged in to and ended."""
    monkeypatch.delenv(sources.ASSETS, raising=False)
    _build_standin(engine, tmp_path)
    # A node of K3s needs every capability; what stands in for it does not, and not every machine has them all to give.
    monkeypatch.setattr(K3SContainer, "with_kwargs", lambda container, **_: container)

    source = sources.find()
    with source.start() as cluster, cluster.namespace() as namespace:
        account = cluster.account(namespace, "default")
        who = account.run(cluster.kubectl_path, "auth", "whoami", env={}).stdout
    left = engine("ps", "--all", "--quiet").split()

    assert source.description == f"a container of {sources.K3S}"
    assert f"system:serviceaccount:{namespace}:default" in who
    assert left == []


def _build_standin(engine: Docker, context: Path) -> None:
    engine("import", debian.archive(debian.PYTHON), "tests/python:1")
    for binary in (binaries.commands() / "kubernetes", binaries.pod()):
        shutil.copy(binary, context)
    code = context / "tests" / "cluster" / "kubernetes"
    code.mkdir(parents=True)
    for name in ("processes.py", "control_plane.py", "standin.py"):
        (code / name).write_text((binaries.HERE / name).read_text())
    (context / "Dockerfile").write_text(STANDIN.format(commands=" ".join(binaries.COMMANDS)))
    engine("build", "--network=none", f"--tag={sources.K3S}", context)


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT version()"))
    finally:
        await connection.close()
