"""Converts the forms of instants in a customer's columns: own types, local times, numbers, date and time."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Date, Float, Integer, Time, case, cast, extract, func, literal_column, type_coerce
from sqlalchemy.sql import ColumnElement

from reconcile.store.db.types import SQLITE, TEXT, StrictInstant
from reconcile.store.mapping.catalog import ColumnKind
from reconcile.store.mapping.sources import Epoch

Convert = Callable[[ColumnElement[Any]], ColumnElement[Any]]
Read = tuple[ColumnElement[Any], Convert]
"""The expression for a column's instant in our form, and the conversion back."""

_SQLITE_FORMAT = "%Y-%m-%dT%H:%M:%f000+00:00"
_UNIX_EPOCH_DAY = 2440587.5
_DAY = 86_400_000
_NO_INSTANT: ColumnElement[str] = literal_column("'!'")
"""Stands for a value that is no instant: not empty, and earlier than any instant."""
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""Seconds since 1970 at the start of the year 1 and at the end of 9999; others would be an error."""
_PER_SECOND = {Epoch.SECONDS: 1, Epoch.MILLISECONDS: 1000}


def as_it_is(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return *value*."""
    return value


def typed(column: ColumnElement[Any], kind: ColumnKind, *, zone: str | None) -> Read:
    """Return the conversion of PostgreSQL's own types: without a zone, it is local time of *zone*, or UTC."""
    if kind is not ColumnKind.NAIVE_INSTANT:
        return column, as_it_is
    name = zone or "UTC"
    return func.timezone(name, column, type_=StrictInstant()), lambda value: func.timezone(name, value)


def numbered(column: ColumnElement[Any], epoch: Epoch, *, dialect: str) -> Read:
    """Return the conversion of numbers since 1970."""
    per_second = _PER_SECOND[epoch]
    number = type_coerce(column, Float) / float(per_second)
    if dialect == SQLITE:
        read = func.strftime(_SQLITE_FORMAT, number, "unixepoch")

        def native(value: ColumnElement[Any]) -> ColumnElement[Any]:
            milliseconds = func.round((func.julianday(value, type_=Float()) - _UNIX_EPOCH_DAY) * _DAY)
            return cast(milliseconds / (1000 // per_second), Integer)

        return type_coerce(_never_empty(read, column), StrictInstant), native
    is_date = column.between(literal_column(str(_FIRST * per_second)), literal_column(str(_LAST * per_second)))
    none = case((column.is_not(None), literal_column("timestamptz 'infinity'")))
    return (
        type_coerce(case((is_date, func.to_timestamp(number)), else_=none), StrictInstant),
        lambda value: cast(func.floor(extract("epoch", value) * per_second), BigInteger),
    )


def paired(date: ColumnElement[Any], time: ColumnElement[Any], *, zone: str | None, dialect: str) -> Read:
    """Return the conversion of a date and a time in two columns, as local time of *zone* or UTC."""
    if dialect == SQLITE:
        text = type_coerce(date, TEXT) + " " + type_coerce(time, TEXT)
        return type_coerce(_never_empty(func.strftime(_SQLITE_FORMAT, text), text), StrictInstant), as_it_is
    name = zone or "UTC"
    together = type_coerce(date, Date) + type_coerce(time, Time)
    return func.timezone(name, together, type_=StrictInstant()), lambda value: func.timezone(name, value)


def date_and_time(local: ColumnElement[Any], *, dialect: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return the values of the two columns from the result of ``paired``."""
    if dialect == SQLITE:
        return func.strftime("%Y-%m-%d", local), func.strftime("%H:%M:%f", local)
    return cast(local, Date), cast(local, Time)


def loose(column: ColumnElement[Any], kind: ColumnKind) -> Read:
    """SQLite has no instants: they are text in several forms, or milliseconds since 1970 (Prisma)."""
    found = case(
        (
            func.typeof(column) == "integer",
            func.strftime(_SQLITE_FORMAT, type_coerce(column, Float) / 1000.0, "unixepoch"),
        ),
        else_=func.strftime(_SQLITE_FORMAT, column),
    )
    native = _milliseconds if kind is ColumnKind.INTEGER else as_it_is
    return type_coerce(_never_empty(found, column), StrictInstant), native


def _never_empty(found: ColumnElement[Any], column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return *found*, or the marker for no instant if the column holds something else."""
    return func.coalesce(found, case((type_coerce(column, TEXT).is_not(None), _NO_INSTANT)))


def _milliseconds(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.round((func.julianday(value, type_=Float()) - _UNIX_EPOCH_DAY) * _DAY), Integer)
