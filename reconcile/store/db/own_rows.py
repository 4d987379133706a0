"""Rows of our own tables, read one by one: a damaged one costs itself, and never a run."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy import RowMapping

Read = TypeVar("Read")

DAMAGED = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
"""What a value of another type or range than ours raises."""


def each_readable(rows: Iterable[RowMapping], read: Callable[[RowMapping], Read | None]) -> list[Read]:
    """Return what *read* makes of each row, without those that it cannot read or makes None of."""
    found: list[Read] = []
    for row in rows:
        try:
            value = read(row)
        except DAMAGED:
            continue
        if value is not None:
            found.append(value)
    return found
