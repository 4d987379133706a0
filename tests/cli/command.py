"""The command as its users start it: a process of its own, with an environment of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ARGUMENTS = (sys.executable, "-m", "reconcile_cli.main")
BASE: Mapping[str, str] = {
    "PATH": os.environ.get("PATH", ""),
    "PYTHONPATH": f"{ROOT / 'cmd'}{os.pathsep}{ROOT}",
    "COLUMNS": "120",
}


def reconcile(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; nothing of this process's environment is inherited."""
    return subprocess.run(
        [*ARGUMENTS, *arguments],
        env={**BASE, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def last_json(done: subprocess.CompletedProcess[str]) -> Any:
    """Return the document on the last line of stdout."""
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
