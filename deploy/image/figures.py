"""Measures the size and the start time of the image."""

import gzip
import json
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.cluster.docker import Docker

TIMES = 5
# As in the chart: only /tmp and the data are writable, no capability, no network.
CONFINED = (
    "--rm",
    "--network=none",
    "--read-only",
    "--tmpfs=/tmp",
    "--tmpfs=/data:uid=65532,gid=65532",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
# In one container, so that the container's start is not measured. With another bytecode directory the interpreter does
# not use compiled files.
PROGRAM = """
import json, os, subprocess, sys, time
def took(*arguments, **variables):
    start = time.monotonic()
    env = os.environ | variables
    subprocess.run(["reconcile", *arguments], env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start
took("migrate")
asked = {"version": "--version", "idle run": "run"}
found = {what: [took(each) for _ in range(TIMES)] for what, each in asked.items()}
for what, each in asked.items():
    found[what + ", uncompiled"] = [took(each, PYTHONPYCACHEPREFIX="/nowhere") for _ in range(TIMES)]
print(json.dumps(found))
""".replace("TIMES", str(TIMES))


def start_times(docker: Docker, tag: str) -> dict[str, float]:
    """Return the median seconds of the program's own work, and of a container that only says its version."""
    inside = docker("run", *CONFINED, "--entrypoint=python", tag, "-c", PROGRAM)
    seconds = {what: median(times) for what, times in json.loads(inside).items()}
    return {**seconds, "container": median(_container(docker, tag) for _ in range(TIMES))}


def table(docker: Docker, tag: str, archive: Path) -> str:
    """Return the figures as lines for a person."""
    seconds = start_times(docker, tag)
    size = int(docker("image", "inspect", "--format={{.Size}}", tag))
    lines = [f"{_mb(size)} unpacked, {_mb(archive.stat().st_size)} archive, {_mb(_compressed(archive))} compressed"]
    for what in ("version", "idle run"):
        compiled, uncompiled = seconds[what], seconds[f"{what}, uncompiled"]
        times = f"{uncompiled / compiled:.1f} times"
        lines.append(f"{what}: {_ms(compiled)}, without bytecode {_ms(uncompiled)} ({times})")
    return "\n".join([*lines, f"version in a new container: {_ms(seconds['container'])}"])


def _container(docker: Docker, tag: str) -> float:
    start = time.monotonic()
    docker("run", *CONFINED, tag, "--version")
    return time.monotonic() - start


def _compressed(archive: Path) -> int:
    """Return the compressed size, which a registry stores and a node pulls."""
    with tempfile.TemporaryFile() as file:
        with archive.open("rb") as plain, gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6) as packed:
            shutil.copyfileobj(plain, packed)
        return file.tell()


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
