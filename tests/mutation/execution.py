"""Which test executes which line: measured for each test file, in a process of its own, and kept in the cache.

A measurement holds as long as the test file, the modules of ``tests`` that it imports and the modules of the program
that its tests execute stay as they are.
"""

import ast
import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from tests.mutation import process

PROGRAM = Path("reconcile")
FOLDERS = ("domain", "services", "evidence", "contracts", "store", "providers", "kube", "logs", "cli")
FILES = ("tests/alerts/test_text.py",)
"""The tests that judge mutants. The others start processes, build something, or look at other layers."""
ON_POSTGRES = ("contracts", "store")
"""Those of which PostgreSQL judges too; elsewhere SQLite says the same."""
LONGEST_CPU_SECONDS = 90
"""A test file that takes longer judges no mutant."""
NAMES_ONLY = Path("tests/use_cases.py")
"""It says where each use case is and nothing else, so another name in it changes no measurement."""


@dataclass(frozen=True, slots=True)
class Case:
    """A test, by pytest's name, and the CPU seconds that it takes under measurement."""

    name: str
    seconds: float

    @property
    def function(self) -> str:
        """Its name without parameters."""
        return self.name.partition("[")[0]

    @property
    def file(self) -> str:
        """The file that holds it."""
        return self.name.partition("::")[0]


@dataclass(frozen=True)
class Execution:
    """The tests of one file that pass, and for each module of the program which of them execute which line."""

    cases: Sequence[Case]
    lines: Mapping[str, Mapping[int, Sequence[int]]]

    def executing(self, module: str, rows: Sequence[int]) -> set[int]:
        """Return the tests that execute one of these lines, as indexes of *cases*."""
        lines = self.lines.get(module, {})
        return {each for row in rows for each in lines.get(row, ())}

    @property
    def all_cases(self) -> range:
        """All tests, as indexes of *cases*."""
        return range(len(self.cases))

    @cached_property
    def _counts(self) -> Mapping[str, Counter[int]]:
        """How many lines of each module each test executes."""
        return {module: Counter(chain.from_iterable(lines.values())) for module, lines in self.lines.items()}

    @cached_property
    def _totals(self) -> Counter[int]:
        return sum(self._counts.values(), Counter())

    def focus(self, index: int, module: str) -> float:
        """Return how much a test looks at *module*: by the lines that it executes, there and in all."""
        counts = self._counts.get(module)
        return counts[index] ** 2 / self._totals[index] if counts and counts[index] else 0.0


class _Recorder:
    """A plugin of pytest that tells coverage which test runs, and remembers its CPU seconds and whether it passed."""

    def __init__(self, coverage: Any) -> None:
        self._coverage = coverage
        self._begun = 0.0
        self.seconds = dict[str, float]()
        self.unfit = set[str]()

    def pytest_runtest_protocol(self, item: Any) -> None:
        self._coverage.switch_context(item.nodeid)
        self._begun = time.process_time()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] = time.process_time() - self._begun
        if not report.passed:
            self.unfit.add(report.nodeid)


def _measure(test_file: Path, result: Path) -> int:
    from coverage import Coverage  # noqa: PLC0415 - there once its folder is on the path

    coverage = Coverage(
        data_file=None, config_file=False, source=[str(PROGRAM.resolve())], concurrency=["thread", "greenlet"]
    )
    recorder = _Recorder(coverage)
    coverage.start()
    databases = () if test_file.parts[1] in ON_POSTGRES else ("-k", "not postgres")
    process.run_pytest([*databases, str(test_file)], plugins=[recorder])
    coverage.stop()
    names = [name for name in recorder.seconds if name not in recorder.unfit]
    indexes = {name: index for index, name in enumerate(names)}
    data = coverage.get_data()
    lines = {}
    for path in data.measured_files():
        by_line = {
            row: sorted(indexes[name] for name in contexts if name in indexes)
            for row, contexts in data.contexts_by_lineno(path).items()
        }
        module = Path(path).relative_to(PROGRAM.resolve().parent)
        if executed := {row: found for row, found in by_line.items() if found}:
            lines[module.as_posix()] = executed
    record = {
        "digests": {module: _digest(Path(module)) for module in lines},
        "cases": [(name, round(recorder.seconds[name], 4)) for name in names],
        "unfit": sorted(recorder.unfit),
        "lines": lines,
    }
    unfinished = result.with_suffix(".part")
    unfinished.write_text(json.dumps(record))
    unfinished.rename(result)
    return 0


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


@cache
def _imports(path: Path) -> frozenset[Path]:
    """Return the modules of ``tests`` that *path* imports itself."""
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.update([node.module], (f"{node.module}.{each.name}" for each in node.names))
        elif isinstance(node, ast.Import):
            names.update(each.name for each in node.names)
    found = (Path(*name.split(".")).with_suffix(".py") for name in names if name.startswith("tests."))
    return frozenset(each for each in found if each.exists() and each != NAMES_ONLY)


def _sources(test_file: Path) -> Sequence[Path]:
    """Return the test file, its conftests, and what of ``tests`` they import, directly or not."""
    todo = [test_file, *(each / "conftest.py" for each in test_file.parents if (each / "conftest.py").exists())]
    found = set[Path]()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo.extend(_imports(path))
    return sorted(found)


def _kept(result: Path) -> Execution | None:
    """Return what was measured before, or None where it does not hold any more."""
    if not result.exists():
        return None
    record = json.loads(result.read_text())
    if any(_digest(Path(module)) != digest for module, digest in record["digests"].items()):
        return None
    lines = {module: {int(row): cases for row, cases in by_line.items()} for module, by_line in record["lines"].items()}
    return Execution([Case(*case) for case in record["cases"]], lines)


def measured(cache_folder: Path) -> Iterator[tuple[Path, Execution]]:
    """Yield each test file with what its tests execute; measure those of which nothing valid is kept."""
    cache_folder.mkdir(parents=True, exist_ok=True)
    missing = list[tuple[Path, Path]]()
    in_folders = (each for name in FOLDERS for each in sorted(Path("tests", name).rglob("test_*.py")))
    for test_file in (*in_folders, *map(Path, FILES)):
        parts = (f"{path}:{_digest(path)}" for path in _sources(test_file))
        result = cache_folder / f"{test_file.stem}-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}.json"
        if kept := _kept(result):
            yield test_file, kept
        else:
            missing.append((test_file, result))
    if missing:
        sys.stderr.write(f"measures which lines the tests of {len(missing)} files execute\n")
    for (test_file, result), ending in process.run_all(
        missing, lambda pair: _measure(*pair), cpu_seconds=lambda _: LONGEST_CPU_SECONDS
    ):
        if ending == process.PASSED:
            yield test_file, _kept(result) or _EMPTY
        else:
            sys.stderr.write(f"{test_file} judges no mutant: its measurement ended with {ending}\n")
            if ending == process.TOO_LONG:
                result.write_text(json.dumps({"digests": {}, "cases": [], "lines": {}}))


_EMPTY = Execution([], {})


def by_module(executions: Mapping[Path, Execution]) -> Mapping[str, Sequence[Path]]:
    """Return for each module the test files that execute it."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path, execution in executions.items():
        for module in execution.lines:
            found[module].append(path)
    return found
