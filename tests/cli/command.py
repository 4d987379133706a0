"""The command as its users start it: a process of its own, with an environment of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from reconcile_cli.main import cli
from tests.timeouts import HUNG

ROOT = Path(__file__).parents[2]
ARGUMENTS = (sys.executable, "-m", "reconcile_cli.main")
BASE: Mapping[str, str] = {
    "PATH": os.environ.get("PATH", ""),
    "PYTHONPATH": f"{ROOT / 'cmd'}{os.pathsep}{ROOT}",
    "COLUMNS": "120",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended, and what it left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on the last line of stdout."""
        assert self.out, self.err
        return json.loads(self.out.splitlines()[-1])


def here(*arguments: str, **settings: str) -> Done:
    """Run one command to its end in this process, which is quicker by a second."""
    result = CliRunner().invoke(cli, arguments, obj=variables(settings))
    return Done(code=result.exit_code, out=result.stdout, err=result.stderr)


def reconcile(*arguments: str, cwd: Path | None = None, **settings: str) -> Done:
    """Run one command to its end; *settings* are variables without their prefix, and nothing else is inherited."""
    return run_anew(arguments, env={**BASE, **variables(settings)}, cwd=cwd)


def variables(settings: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment variables of *settings*, which are named without their prefix."""
    return {f"RECONCILE_{name.upper()}": value for name, value in settings.items()}


def run_anew(arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None) -> Done:
    """Run one command to its end in a new Python, as its users do."""
    done = subprocess.run(
        [*ARGUMENTS, *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=HUNG,
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)
