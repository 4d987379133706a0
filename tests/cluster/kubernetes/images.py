"""Write an image archive of a few static files, as `docker save` would, without an engine."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def archive(
    target: Path, name: str, files: Mapping[str, Path], *, entrypoint: Sequence[str], user: str = "65532:65532"
) -> Path:
    """Write an image called *name* with executable *files* to *target*, and return *target*."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as inside:
        for path, source in files.items():
            _add(inside, path, source.read_bytes(), mode=0o755)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": list(entrypoint), "User": user, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": "tests"}],
    }
    written = json.dumps(config).encode()
    identity = hashlib.sha256(written).hexdigest()
    manifest = [{"Config": f"{identity}.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(target, "w") as image:
        _add(image, "layer.tar", layer.getvalue())
        _add(image, f"{identity}.json", written)
        _add(image, "manifest.json", json.dumps(manifest).encode())
    return target


def _add(archived: tarfile.TarFile, path: str, content: bytes, *, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    entry.mode = mode
    archived.addfile(entry, io.BytesIO(content))
