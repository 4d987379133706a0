"""Which cells of large tables `make test` leaves out; `make test-faults` and runs of single files do not."""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import pytest

T = TypeVar("T")

SAMPLED = pytest.mark.sampled
"""Marks a test of which `make test` tries fewer examples."""
WHOLE = pytest.mark.whole
"""Marks a test or a cell that `make test` leaves out."""
ONE_IN = 8
"""Of so many cells on PostgreSQL, where SQLite's cell beside it goes the same way in Python, `make test` runs one."""
USE_CASES = tuple(Path(__file__).parent / name for name in ("services", "integration", "evidence"))
"""Folders whose tests need any database; what SQL makes of each port, tests/contracts and tests/store try on both."""
_TESTS = Path(__file__).parent


def covering(strength: int, *factors: str | tuple[str, ...]) -> pytest.MarkDecorator:
    """Mark a test of which `make test` tries a covering array: each combination of *strength* values in one cell.

    A factor is a parameter, or several that are given row by row.
    """
    return pytest.mark.covering(strength, *factors)


def cells(count: int) -> pytest.MarkDecorator:
    """Mark a test whose cells take seconds each: `make test` tries *count* of them, the same each time."""
    return pytest.mark.cells(count)


def is_part(config: pytest.Config) -> bool:
    """Tell whether less than the suite was asked for, or all of it by its marker."""
    asked = [Path(config.invocation_params.dir, each.partition("::")[0]).resolve() for each in config.args]
    return asked != [_TESTS] or bool(config.option.markexpr)


class LeftOut:
    """Counts, over all workers, what `make test` leaves out, and says so in the last lines."""

    def __init__(self, config: pytest.Config) -> None:
        self.count = 0
        self._config = config

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand the count on from a worker, whose own last lines nobody sees."""
        if (output := getattr(self._config, "workeroutput", None)) is not None:
            output["left_out"] = self.count

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the count of a worker; each has collected all tests."""
        self.count = max(self.count, getattr(node, "workeroutput", {}).get("left_out", 0))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was left out, and what runs it."""
        if self.count:
            terminalreporter.write_line(
                f"left out: {self.count} tests that take long or repeat; make test-faults runs them"
            )


def add_option(parser: pytest.Parser) -> None:
    """Add ``--part K/N``."""
    parser.addoption(
        "--part", default="1/1", metavar="K/N", help="Run the K-th of N parts of the tests that were asked for."
    )


def outside_part(items: list[pytest.Item], part: str) -> list[pytest.Item]:
    """Return the tests that are not in *part*, like ``2/3``; each test is in the same of the N parts each time."""
    number, _, count = part.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise pytest.UsageError(f"--part {part}: give K/N with K from 1 to N, like 2/3")
    return [each for each in items if crc32(each.nodeid.encode()) % int(count) != int(number) - 1]


def mark_whole(items: list[pytest.Item]) -> None:
    """Mark the cells that `make test` leaves out: by their names, so that the sample stays the same."""
    arrays: dict[str, list[pytest.Function]] = defaultdict(list)
    tables: dict[str, list[pytest.Function]] = defaultdict(list)
    for item in items:
        if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
            continue
        if item.get_closest_marker("covering"):
            arrays[item.nodeid.partition("[")[0]].append(item)
        elif item.get_closest_marker("cells"):
            tables[item.nodeid.partition("[")[0]].append(item)
        elif (
            "postgres" in item.callspec.params.values()
            and any(map(item.path.is_relative_to, USE_CASES))
            and (crc32(item.nodeid.encode()) >> 8) % ONE_IN
        ):
            item.add_marker(WHOLE)
    for array in map(_in_stable_order, arrays.values()):
        for item in outside_array({each: _combinations(each) for each in array}):
            item.add_marker(WHOLE)
    for table in map(_in_stable_order, tables.values()):
        for item in table[_marked(table[0], "cells").args[0] :]:
            item.add_marker(WHOLE)


def _in_stable_order(items: list[pytest.Function]) -> list[pytest.Function]:
    return sorted(items, key=lambda each: crc32(each.nodeid.encode()))


def _marked(item: pytest.Function, name: str) -> pytest.Mark:
    marker = item.get_closest_marker(name)
    assert marker is not None
    return marker


def outside_array(cells: Mapping[T, frozenset[Hashable]]) -> list[T]:
    """Return the cells that are left when as few as may be hold every combination."""
    left = dict(cells)
    missing = frozenset[Hashable]().union(*cells.values())
    while missing:
        missing -= left.pop(max(left, key=lambda each: len(left[each] & missing)))
    return list(left)


def _combinations(cell: pytest.Function) -> frozenset[Hashable]:
    strength, *factors = _marked(cell, "covering").args
    names = [(each,) if isinstance(each, str) else each for each in factors]
    values = [(number, *(cell.callspec.params[name] for name in each)) for number, each in enumerate(names)]
    return frozenset(combinations(values, strength))
