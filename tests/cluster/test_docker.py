"""The Docker engine of the tests' own, and what testcontainers makes with it."""

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from deploy.image import debian
from tests import postgres
from tests.cluster.docker import Docker
from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.images import archive


def test_an_image_is_built_from_nothing_and_run(docker: Docker, tmp_path: Path) -> None:
    shutil.copy(binaries.pod(), tmp_path)
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY pod /pod\nENTRYPOINT ["/pod", "relay"]\n')
    docker("build", "--tag=tests/scratch:1", tmp_path)

    listed = docker("images", "--format={{.Repository}}:{{.Tag}}")
    with pytest.raises(RuntimeError, match="missing port in address"):
        docker("run", "--rm", "--network=none", "tests/scratch:1", "nowhere", "nowhere")

    assert "tests/scratch:1" in listed.split()


def test_an_archive_of_ours_is_one_that_docker_loads(docker: Docker, tmp_path: Path) -> None:
    tar = archive(tmp_path / "image.tar", "tests/archive:1", {"pod": binaries.pod()}, entrypoint=["/pod"])

    assert "tests/archive:1" in docker("load", "--input", tar)


def test_testcontainers_gives_a_postgresql_of_an_image_made_of_debian_packages(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path that a machine without PostgreSQL but with Docker takes; only the image is another."""
    from testcontainers.core.config import ConnectionMode, testcontainers_config  # noqa: PLC0415 - slow to import

    image = "tests/postgres:1"
    entry = 'ENTRYPOINT ["/usr/local/bin/postgres-entrypoint.sh"]'
    docker("import", f"--change={entry}", debian.archive(debian.POSTGRES), image)
    monkeypatch.setattr(postgres, "IMAGE", image)
    monkeypatch.setenv("DOCKER_HOST", docker.environment["DOCKER_HOST"])
    # It has read its other variables long ago.
    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.docker_host)
    monkeypatch.setattr(testcontainers_config, "tc_host_override", "127.0.0.1")

    source = postgres.container()
    assert source is not None
    with source.start() as server:
        url = server.create_database()
        version = asyncio.run(_version(url))
        running = docker("ps", "--quiet", f"--filter=ancestor={image}").split()
    left = docker("ps", "--all", "--quiet").split()

    assert source.description == f"a container of {image}"
    assert version.startswith("PostgreSQL ")
    assert (len(running), left) == (1, [])


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT version()"))
    finally:
        await connection.close()
