"""What a release needs, and the archive of an image whose bytes depend on its content only."""

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from deploy.image import archive
from deploy.release import build as release
from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.processes import ClusterError

MOMENT = 1_772_442_000
LAYER = b"the files of a layer"


def saved(path: Path, *, created: str, layer: str, config: str) -> Path:
    """Write what ``docker save`` writes, under the names that an engine chose."""
    facts = {
        "config": {"Labels": {"org.opencontainers.image.revision": "4f5e"}},
        "created": created,
        "history": [{"created": created, "created_by": "COPY"}],
    }
    manifest = [{"Config": config, "RepoTags": ["a:1"], "Layers": [layer]}]
    files = {layer: LAYER, "repositories": b"{}", config: json.dumps(facts).encode()}
    files["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w") as file:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), len(created)
            file.addfile(entry, io.BytesIO(content))
    return path


def test_an_image_that_was_built_and_saved_again_by_another_engine_is_the_same_archive(tmp_path: Path) -> None:
    first = saved(tmp_path / "a.tar", created="2026-03-02T09:00:00.1Z", layer="5df6/layer.tar", config="f141.json")
    again = saved(tmp_path / "b.tar", created="2026-03-03T10:00:00Z", layer="blobs/sha256/aa", config="blobs/sha256/bb")
    for source, target in ((first, "one.tar"), (again, "two.tar")):
        archive.normalize(source, tmp_path / target, moment=MOMENT)

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_the_archive_has_the_time_that_was_given_and_keeps_layers_and_labels(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.tar", created="2026-03-02T09:00:00.1Z", layer="5df6/layer.tar", config="f141.json")
    archive.normalize(source, tmp_path / "one.tar", moment=MOMENT)
    with tarfile.open(tmp_path / "one.tar") as file:
        read = {each.name: file.extractfile(each).read() for each in file}  # type: ignore[union-attr]
    (image,) = json.loads(read["manifest.json"])
    config = json.loads(read[image["Config"]])

    assert (config["created"], config["history"][0]["created"]) == ("2026-03-02T09:00:00Z",) * 2
    assert [read[name] for name in image["Layers"]] == [LAYER]
    assert archive.labels(tmp_path / "one.tar") == {"revision": "4f5e"}


def test_files_that_differ_from_the_commit_are_no_release(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)  # noqa: S607 - git is where it is
    (tmp_path / "new.py").touch()

    with pytest.raises(release.ReleaseError, match=r"1 files differ from the last commit: commit or remove them first"):
        release.last_commit(tmp_path)


def test_a_missing_helm_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(binaries, "can_build", lambda: False)

    with pytest.raises(ClusterError, match=r"^helm is not in .*, and there is no Go to build it with: install Go$"):
        release.build(tmp_path, tmp_path)
