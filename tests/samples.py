"""Which cells of large tables `make test` leaves out; `make test-faults` and runs of single files do not."""

from pathlib import Path
from zlib import crc32

import pytest

SAMPLED = pytest.mark.sampled
"""Marks a test of which `make test` tries fewer examples."""
WHOLE = pytest.mark.whole
"""Marks a cell that `make test` leaves out."""
ONE_IN = 4
"""Of so many cells on PostgreSQL, where SQLite's cell beside it goes the same way in Python, `make test` runs one."""
USE_CASES = tuple(Path(__file__).parent / name for name in ("services", "integration"))
"""Folders whose tests need any database; what SQL makes of each port, tests/contracts and tests/store try on both."""
_TESTS = Path(__file__).parent


def is_part(config: pytest.Config) -> bool:
    """Tell whether less than the suite was asked for, or all of it by its marker."""
    asked = [Path(config.invocation_params.dir, each.partition("::")[0]).resolve() for each in config.args]
    return asked != [_TESTS] or bool(config.option.markexpr)


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
    """Mark the cells on PostgreSQL that a sample of use cases leaves out: by their names, so that it stays the same."""
    for item in items:
        cell = getattr(item, "callspec", None)
        is_on_postgres = cell is not None and "postgres" in cell.params.values()
        if (
            is_on_postgres
            and any(map(item.path.is_relative_to, USE_CASES))
            and (crc32(item.nodeid.encode()) >> 8) % ONE_IN
        ):
            item.add_marker(WHOLE)
