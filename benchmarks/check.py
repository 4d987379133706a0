"""Runs every benchmark with small arguments and compares figures with bounds; exit code 1 if one is above."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.bounds import BENCHMARKS, Result, Small

Run = Callable[[str, Small], Result]
"""Runs a benchmark by its name."""
LOOKS = 2
"""The number of runs before a figure counts as above its bound, because other load only adds CPU.

A figure with the bound 0 counts at once.
"""
_AT_ONCE = 2
"""Concurrent benchmarks. Figures are counts, memory, or ratios of CPU within a run; other load changes none."""
_LONGEST = 300.0
"""Seconds of one benchmark."""


def result_of(name: str, small: Small) -> Result:
    """Run a benchmark and return the figures of its last line; raise SystemExit with its complaints if it failed."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *small.arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST)
    if done.returncode:
        raise SystemExit(f"benchmarks.{name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found: Result = json.loads(done.stdout.splitlines()[-1])
    return found


def figures_of(name: str, small: Small, run: Run) -> dict[str, float]:
    """Return each figure's least (where that must be 0, its most) of the looks that were needed: mostly one."""
    found: dict[str, float] = {}
    for _ in range(LOOKS):
        result = run(name, small)
        for bound in small.bounds:
            value = round(float(bound.of(result)), 3)
            which = min if bound.most else max
            found[bound.figure] = which(value, found.get(bound.figure, value))
        if all(found[bound.figure] <= bound.most for bound in small.bounds if bound.most):
            break
    return found


def check(names: Sequence[str], run: Run = result_of) -> Sequence[str]:
    """Print each figure with its bound, then all as JSON; return a sentence for each figure above its bound."""
    faults: list[str] = []
    figures: dict[str, dict[str, float]] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        measured = pool.map(lambda name: figures_of(name, BENCHMARKS[name], run), names)
        for name, found in zip(names, measured, strict=True):
            figures[name] = found
            for bound in BENCHMARKS[name].bounds:
                value = found[bound.figure]
                is_over = value > bound.most
                line = f"{name:10} {bound.figure:46} {value:>8g} of {bound.most:<6g}"
                print(f"{line} {'OVER' if is_over else ''}".rstrip())
                if is_over:
                    faults.append(
                        f"benchmarks.{name}: {bound.figure}: {value:g} is over its bound of {bound.most:g}"
                        " (benchmarks/bounds.py)"
                    )
    print(json.dumps(figures))
    return faults


def main(words: Sequence[str] | None = None) -> None:
    """Check the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__)
    parser.add_argument("benchmarks", nargs="*", help=f"of {', '.join(BENCHMARKS)}; by default all")
    names = parser.parse_args(words).benchmarks or list(BENCHMARKS)
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if faults := check(names):
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main()
