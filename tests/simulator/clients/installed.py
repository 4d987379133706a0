"""Real clients of both providers, each installed once from a lock of its own and kept outside the checkout."""

import hashlib
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.cluster.kubernetes import binaries

HERE = Path(__file__).parent
NPM = HERE / "npm"
PYTHON_CLIENTS = ("gohighlevel", "calendly_py", "pycalendly", "tap_calendly")
JAVASCRIPT_CLIENT = "gohighlevel_js"
_LIMIT = 900


class ClientError(Exception):
    """A client could not be installed, or failed; the message is what it said."""


def name_of(client: str) -> str:
    """Return the name of a client's folder, which changes with its lock."""
    if client == JAVASCRIPT_CLIENT:
        locks, runtime = [NPM / "package-lock.json"], ""
    else:
        locks, runtime = [HERE / "build.lock", HERE / f"{client}.lock"], sys.version
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in locks) + runtime.encode()).hexdigest()[:12]
    return f"client-{client.replace('_', '-')}-{digest}"


def lack_of(client: str) -> str | None:
    """Say why *client* cannot be run now, None where it can."""
    if client == JAVASCRIPT_CLIENT and shutil.which("node") is None:
        return "node is not installed"
    if not (binaries.cache() / name_of(client)).exists():
        return f"{client} is not installed; make tools TOOLS=client-{client.replace('_', '-')} installs it"
    return None


def install(client: str) -> Path:
    """Return the folder of *client*, installed now if it was not before."""
    build = _with_npm if client == JAVASCRIPT_CLIENT else partial(_with_pip, client)
    return binaries.once(name_of(client), build)


def tools() -> Mapping[str, Callable[[], object]]:
    """Return what installs each client, by the name that ``make tools`` has for it."""
    names = (*PYTHON_CLIENTS, JAVASCRIPT_CLIENT)
    return {f"client-{each.replace('_', '-')}": partial(install, each) for each in names}


def drive(client: str, world: Mapping[str, Any]) -> Any:
    """Run the script that makes the reconciler's calls through *client*, and return what it printed."""
    folder = binaries.cache() / name_of(client)
    if client == JAVASCRIPT_CLIENT:
        world = {**world, "modules": str(folder)}
        command: Sequence[str | Path] = ("node", HERE / "drive_gohighlevel.cjs")
    else:
        command = (folder / "bin" / "python", HERE / f"drive_{client}.py")
    # Some of them print lines of their own before.
    return json.loads(_run(*command, json.dumps(world), is_quiet=True).splitlines()[-1])


def _with_pip(client: str, folder: Path) -> None:
    venv.create(folder, with_pip=True)
    pip = (
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    )
    _run(*pip, "--requirement", HERE / "build.lock")
    _run(*pip, "--no-build-isolation", "--requirement", HERE / f"{client}.lock")


def _with_npm(folder: Path) -> None:
    if shutil.which("npm") is None:
        raise ClientError("npm is not installed")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NPM / name, folder)
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder)


def _run(*command: str | Path, is_quiet: bool = False) -> str:
    stderr = subprocess.PIPE if is_quiet else subprocess.STDOUT
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, check=False, text=True, timeout=_LIMIT)
    if done.returncode:
        said = f"{done.stdout}{done.stderr or ''}"[-8000:]
        raise ClientError(f"{Path(command[0]).name} ended with {done.returncode}:\n{said}")
    return done.stdout
