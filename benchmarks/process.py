"""Measures one process by the operating system's accounting.

As a script it is the small parent of the measured process. A child's peak memory starts at its parent's, so the
benchmark itself must not be the parent.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds of wall time and of CPU, peak memory in MB, and what it printed on stdout."""

    wall: float
    cpu: float
    peak_rss_mb: float
    output: str


UNCAPPED = {"RECONCILE_RUN_MIN_CHANGES": "100000", "RECONCILE_RUN_MAX_CHANGES": "100000"}
"""Settings of a run that repairs each lead of a benchmark: by default such a run would wait for approval."""


def measured(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run *command* and return its measurements; raises SystemExit with its stderr if it failed."""
    parent = (sys.executable, "-S", "-E", __file__, *command)
    done = subprocess.run(
        parent, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    *complaints, figures = done.stderr.splitlines()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n" + "\n".join(complaints[-20:]))
    return Measured(output=done.stdout, **json.loads(figures))


def main() -> None:
    """Run the command that the arguments spell and print its figures as the last line of stderr."""
    started_at = time.perf_counter()
    child = subprocess.Popen(sys.argv[1:])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    figures = {
        "wall": time.perf_counter() - started_at,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_rss_mb": usage.ru_maxrss / 1024,
    }
    print(json.dumps(figures), file=sys.stderr)
    sys.exit(child.returncode)


if __name__ == "__main__":
    main()
