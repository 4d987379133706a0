"""A control group that bounds memory, where this machine lets us make one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_ROOTS = ((Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (Path("/sys/fs/cgroup"), "memory.max"))
"""Of version 1, then of version 2."""
MEBIBYTE = 1024 * 1024
MEASURED = (
    sys.executable,
    "-c",
    """import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code % 256)""",
)
"""Before a command: its peak of resident memory in KiB becomes the last line of its stderr."""


@contextmanager
def bounded(mebibytes: int) -> Iterator[tuple[str, ...] | None]:
    """Give what is to stand before a command to bound its memory, or None where that cannot be had."""
    folder = _made(mebibytes * MEBIBYTE)
    if folder is None:
        yield None
        return
    try:
        yield (shutil.which("sh") or "sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh")
    finally:
        with suppress(OSError):
            folder.rmdir()


def _made(limit: int) -> Path | None:
    for root, bound in _ROOTS:
        folder = root / f"reconcile-{os.getpid()}-{uuid4().hex[:8]}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / bound).write_text(str(limit))
            # A group that cannot take a process in is none.
            subprocess.run(["sh", "-c", f"echo $$ > {folder}/cgroup.procs"], check=True, capture_output=True)  # noqa: S607
        except (OSError, subprocess.CalledProcessError):
            folder.rmdir()
            continue
        return folder
    return None
