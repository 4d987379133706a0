"""A release in dist/: each file installs or loads, and another build of the commit makes the same bytes."""

import hashlib
import json
import os
import re
import sysconfig
import tarfile
import venv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.image import build as image
from deploy.image.archive import labels
from deploy.image.engine import engine
from deploy.image.figures import CONFINED
from deploy.release import build as release
from reconcile import __version__
from tests.chart import tools
from tests.cluster.kubernetes import binaries

pytestmark = pytest.mark.release

by_helm = pytest.mark.parametrize("helm", tools.HELMS)


@pytest.fixture(scope="session")
def dist() -> Path:
    """Give the folder of the release."""
    if not (image.DIST / release.CHECKSUMS).exists():
        pytest.fail("there is no release in dist/: make release builds it", pytrace=False)
    return image.DIST


def test_every_file_of_a_release_has_its_checksum(dist: Path) -> None:
    lines = (dist / release.CHECKSUMS).read_text().splitlines()

    assert lines == [f"{_digest(dist / name)}  {name}" for name in release.FILES]


@pytest.mark.parametrize("packed", [release.WHEEL, release.SOURCES])
def test_wheel_and_sources_install_into_a_new_environment_without_an_index(
    dist: Path, tmp_path: Path, packed: str
) -> None:
    """The locked packages come from the environment of the tests, which an editable install of ours does not reach."""
    venv.create(tmp_path / "new", with_pip=True)
    python = tmp_path / "new" / "bin" / "python"
    (site,) = (tmp_path / "new").glob("lib/python*/site-packages")
    (site / "locked.pth").write_text(sysconfig.get_path("purelib"))
    tools.run(
        *(python, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"),
        dist / packed,
    )
    command = tmp_path / "new" / "bin" / "reconcile"

    assert tools.run(command, "--version") == f"reconcile {__version__}\n"
    assert "Usage: reconcile doctor" in tools.run(command, "doctor", "--help")
    assert tools.run(python, "-P", "-c", "import reconcile; print(reconcile.__file__)").startswith(str(site))


@by_helm
def test_the_packaged_chart_renders_what_the_folder_does(dist: Path, helm: str) -> None:
    packed, program = dist / release.PACKAGED_CHART, binaries.tool(helm)
    for case in tools.CASES:
        where = ("reconciler", packed, "--namespace", "calendars", "--values", case)

        assert tools.run(program, "template", *where, *tools.OFFLINE) == tools.render(case=case, helm=helm)
    assert f"version: {__version__}\n" in tools.run(program, "show", "chart", packed)


def test_the_bill_of_the_wheel_lists_the_locked_packages(dist: Path) -> None:
    """With the hash of each file that may be installed."""
    bill = json.loads((dist / release.WHEEL_BILL).read_text())
    lock = (image.ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^ ]+)", lock, re.MULTILINE))

    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", __version__)
    assert {each["name"]: each["version"] for each in bill["components"]} == locked
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])


def test_packages_bills_and_chart_are_the_same_when_built_again(
    dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another folder, with another time zone and other permissions of new files."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    before = os.umask(0o077)
    try:
        release.build(image.ROOT, tmp_path)
    finally:
        os.umask(before)

    assert {name: _digest(tmp_path / name) for name in release.BUILT_HERE} == {
        name: _digest(dist / name) for name in release.BUILT_HERE
    }


def test_the_image_is_that_of_the_commit(dist: Path) -> None:
    """Whether it loads and runs, tests/image shows."""
    with tarfile.open(dist / image.ARCHIVE.name) as archive:
        (config,) = (each.name for each in archive if each.name.endswith(".json") and each.name != "manifest.json")
        created = json.loads(archive.extractfile(config).read())["created"]  # type: ignore[union-attr]

    assert labels(dist / image.ARCHIVE.name)["revision"] == release.last_commit(image.ROOT)
    assert datetime.fromisoformat(created) == datetime.fromtimestamp(image.commit_time(), UTC)


@pytest.mark.skipif("CI" in os.environ and "WHOLE" not in os.environ, reason="WHOLE=1 .ci/run builds the image twice")
def test_the_image_loads_and_is_the_same_when_built_again(dist: Path, tmp_path: Path) -> None:
    with engine() as docker:
        docker("load", "--input", dist / image.ARCHIVE.name)
        said = docker("run", *CONFINED, image.TAG, "--version")
        image.build(docker, image.available_base(docker), options=("--no-cache",))
        image.save(docker, tmp_path / "again.tar")

    assert said == f"reconcile {__version__}\n"
    assert _digest(tmp_path / "again.tar") == _digest(dist / image.ARCHIVE.name)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
