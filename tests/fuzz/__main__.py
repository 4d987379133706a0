"""``python -m tests.fuzz [SECONDS [PARSER…]]``: each parser under atheris, guided by coverage, for so many seconds.

What is found is written to ``.fuzz/PARSER/`` and ends the run: it belongs into FOUND of ``test_parsers.py``.
"""

import importlib
import os
import site
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests import toolbox

LOCK = Path(__file__).parent / "requirements.lock"
KEPT = Path(__file__).parent.parent.parent / ".fuzz"
INSTRUMENTED = (
    *(
        "reconcile.checklist",
        "reconcile.domain.coordination.annotation",
        "reconcile.domain.run.cadence",
        "reconcile.domain.evidence.booking_reference",
    ),
    *("reconcile.logs", "reconcile.providers", "reconcile.store.db.address", "reconcile.store.mapping.mapping"),
    *(
        "reconcile.store.mapping.vocabulary",
        "reconcile.wire",
        "asyncpg.connect_utils",
        "json",
        "shlex",
        "tomllib",
        "yaml",
    ),
)


def fuzz(name: str, arguments: Sequence[str]) -> None:
    """Try the parser in this process, which libFuzzer ends."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=list(INSTRUMENTED), enable_loader_override=False):
        parsers = importlib.import_module("tests.fuzz.parsers")
    atheris.Setup([sys.argv[0], *arguments], parsers.PARSERS[name].try_on)
    atheris.Fuzz()


def begin(name: str, seconds: int) -> int:
    """Try the parser in a process of its own, with the examples of before beside those of the table."""
    corpus, seeds = KEPT / name / "corpus", KEPT / name / "seeds"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds.mkdir(exist_ok=True)
    parsers = importlib.import_module("tests.fuzz.parsers")
    for number, seed in enumerate(parsers.PARSERS[name].seeds):
        (seeds / f"{number}").write_bytes(seed)
    flags = (f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1")
    command = (sys.executable, "-m", "tests.fuzz", "--", name, *flags, f"-artifact_prefix={KEPT / name}/")
    done = subprocess.run((*command, corpus, seeds), stderr=subprocess.PIPE, check=False, text=True, errors="replace")
    told = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line or " cov: " in line]
    print(f"{name}: {' '.join(told[-2:]).strip()[:200]}", flush=True)
    if done.returncode:
        print(done.stderr[-4000:], flush=True)
    return done.returncode


def main(arguments: Sequence[str]) -> int:
    """Try each parser; end with the first that does what it must not."""
    try:
        site.addsitedir(str(toolbox.packages(LOCK)))
        importlib.import_module("atheris")
    except (toolbox.ToolError, ImportError) as error:
        print(f"atheris cannot be had here: {error}\nmake test tries the parsers all the same, without its guidance")
        return os.EX_UNAVAILABLE
    if arguments[:1] == ["--"]:
        fuzz(arguments[1], arguments[2:])
        return 0
    seconds = int(arguments[0]) if arguments else 5
    names = arguments[1:] or importlib.import_module("tests.fuzz.parsers").PARSERS
    return next((code for name in names if (code := begin(name, seconds))), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
