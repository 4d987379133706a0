"""Reads rows of our own tables one by one; a damaged row is left out and counted by table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from sqlalchemy import RowMapping, Table

Read = TypeVar("Read")

DAMAGED = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
"""Exceptions that a value of a wrong type or range raises."""


class DamagedRowCounter:
    """Implements ``DamagedRows``: the unreadable rows of our tables since the database was opened."""

    def __init__(self) -> None:
        self._keys: dict[str, set[str]] = defaultdict(set)

    def counts(self) -> Mapping[str, int]:
        """Return the number of damaged rows by table."""
        return {table: len(keys) for table, keys in sorted(self._keys.items())}

    def add(self, table: Table, row: RowMapping) -> None:
        """Count a row; a row that is read again counts once."""
        self._keys[table.name].add(repr([row[column.name] for column in table.primary_key]))


def each_readable(
    rows: Iterable[RowMapping], read: Callable[[RowMapping], Read | None], *, table: Table, damaged: DamagedRowCounter
) -> list[Read]:
    """Apply *read* to each row of *table* and return the results that are not None.

    Rows for which *read* raises one of ``DAMAGED`` are left out and counted.
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
