"""Tools that no test needs, each from a lock of its own, installed once and kept outside the checkout."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


class ToolError(Exception):
    """A tool cannot be had here; the message says why."""


def packages(lock: Path) -> Path:
    """Return the folder that holds what *lock* names, for this Python."""
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "appointment-reconciler"
    folder = cache / f"{lock.parent.name}-{digest}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=cache))
    try:
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes")
        done = subprocess.run(
            (*pip, "--no-deps", "--target", unfinished, "--requirement", lock),
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode:
            raise ToolError(f"what {lock.name} names cannot be installed:\n{done.stderr[-2000:]}")
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder
