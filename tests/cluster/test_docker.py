"""The Docker engine of the tests' own."""

import shutil
from pathlib import Path

import pytest

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
