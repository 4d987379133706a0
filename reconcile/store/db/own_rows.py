"""Rows of our own tables, read one by one: a damaged one costs itself and never a run, and is counted by its table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from sqlalchemy import RowMapping, Table

Read = TypeVar("Read")

DAMAGED = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
"""What a value of another type or range than ours raises."""


class DamagedRowCounter:
    """The port ``DamagedRows``: which rows of our own could not be read since the database was opened."""

    def __init__(self) -> None:
        self._keys: dict[str, set[str]] = defaultdict(set)

    def counts(self) -> Mapping[str, int]:
        """Return how many there were, by table."""
        return {table: len(keys) for table, keys in sorted(self._keys.items())}

    def add(self, table: Table, row: RowMapping) -> None:
        """Note a row; one that is read again is counted once."""
        self._keys[table.name].add(repr([row[column.name] for column in table.primary_key]))


def each_readable(
    rows: Iterable[RowMapping], read: Callable[[RowMapping], Read | None], *, table: Table, damaged: DamagedRowCounter
) -> list[Read]:
    """Return what *read* makes of each row of *table*, without those that it makes None of.

    A row that *read* raises one of ``DAMAGED`` for is left out as well, and noted.
    """
    found: list[Read] = []
    for row in rows:
        try:
            value = read(row)
        except DAMAGED:
            damaged.add(table, row)
            continue
        if value is not None:
            found.append(value)
    return found
