"""The image's archive with times and names that depend on its content only, so that equal images are equal files.

``docker save`` writes the time of the build into the configuration, and the order and form of its files depend on the
engine's version. The result has Docker's first form, which every engine and containerd load: a configuration and the
layers, each named by its digest, and ``manifest.json``.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

_LABELS = "org.opencontainers.image."


def normalize(saved: Path, target: Path, *, moment: int) -> None:
    """Write the only image of the archive *saved* to *target*, as if it had been built at *moment* (Unix seconds)."""
    with tarfile.open(saved) as source, tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        (image,) = _json(source, "manifest.json")
        config = json.dumps(_dated(_json(source, image["Config"]), moment), sort_keys=True).encode()
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        _add(archive, name, io.BytesIO(config), len(config), moment)
        layers = []
        for layer in image["Layers"]:
            size = source.getmember(layer).size
            layers.append(f"{hashlib.file_digest(_file(source, layer), 'sha256').hexdigest()}.tar")
            _add(archive, layers[-1], _file(source, layer), size, moment)
        manifest = json.dumps([{"Config": name, "RepoTags": image["RepoTags"], "Layers": layers}]).encode()
        _add(archive, "manifest.json", io.BytesIO(manifest), len(manifest), moment)


def labels(archive: Path) -> Mapping[str, str]:
    """Return the image's labels by their names without the prefix of the OCI."""
    with tarfile.open(archive) as source:
        (image,) = _json(source, "manifest.json")
        found = _json(source, image["Config"])["config"]["Labels"]
        return {key.removeprefix(_LABELS): value for key, value in found.items()}


def _dated(config: dict[str, Any], moment: int) -> dict[str, Any]:
    created = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        **config,
        "created": created,
        "history": [{**each, "created": created} for each in config.get("history", [])],
    }


def _json(source: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 - JSON of a form that the caller knows
    return json.load(_file(source, name))


def _file(source: tarfile.TarFile, name: str) -> io.BufferedReader:
    found = source.extractfile(name)
    if not isinstance(found, io.BufferedReader):
        raise KeyError(name)
    return found


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int, moment: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = size, moment
    archive.addfile(entry, content)
