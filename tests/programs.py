"""Programs of the machine that a few tests want; without them those are skipped, and say what to install."""

import shutil
import subprocess

import pytest


def skip_unless_it_runs(name: str, *arguments: str, package: str) -> None:
    """Run a program to its end; skip the test where it is not installed, or is not allowed to do this here."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"there is no {name} on this machine: apt-get install {package}")
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this machine does not let us run {name}: {done.stderr.strip() or done.returncode}")
