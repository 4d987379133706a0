"""The database's own clock, by which leases and budgets are judged: machines' clocks differ."""

from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, type_coerce

from reconcile.store.types import POSTGRESQL, Instant

_SQLITE_FORMAT = "%Y-%m-%dT%H:%M:%f000+00:00"


def now(dialect: str) -> ColumnElement[Any]:
    """Return this instant, not the transaction's start."""
    if dialect == POSTGRESQL:
        return func.clock_timestamp(type_=Instant())
    return func.strftime(_SQLITE_FORMAT, "now", type_=Instant())


def after(seconds: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return the instant *seconds* from now."""
    if dialect == POSTGRESQL:
        return type_coerce(func.clock_timestamp() + seconds * literal_column("interval '1 second'"), Instant())
    modifier = func.printf("%+.3f seconds", seconds)
    return func.strftime(_SQLITE_FORMAT, "now", modifier, type_=Instant())


def latest(stored: ColumnElement[Any], given: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return the later of two instants, either of which may be empty: a watermark never moves back."""
    if dialect == POSTGRESQL:
        return func.greatest(stored, given, type_=Instant())
    return func.max(func.coalesce(stored, given), func.coalesce(given, stored), type_=Instant())
