"""The database's clock, which decides leases and rate budgets, because clocks of machines differ."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.errors import StoreUnavailable
from reconcile.store.db.types import POSTGRESQL, Instant

_SQLITE_FORMAT = "%Y-%m-%dT%H:%M:%f000+00:00"


APART_AT_MOST = timedelta(minutes=5)
"""The largest difference of clocks with which a run writes: its watermarks would be off by as much."""


async def check_clock(connection: AsyncConnection, ours: datetime) -> None:
    """Raise StoreUnavailable if *ours*, this machine's time, differs from the database's by more than 5 minutes."""
    theirs: datetime = (await connection.execute(select(now(connection.dialect.name)))).scalar_one()
    apart = ours - theirs
    if abs(apart) > APART_AT_MOST:
        direction = "ahead of" if apart > timedelta(0) else "behind"
        raise StoreUnavailable(
            f"this machine's clock is {abs(apart).total_seconds():.0f} s {direction} the database's, so nothing is "
            "written; synchronize both clocks"
        )


def now(dialect: str) -> ColumnElement[Any]:
    """Return the present instant, not the transaction's start."""
    if dialect == POSTGRESQL:
        return func.clock_timestamp(type_=Instant())
    return func.strftime(_SQLITE_FORMAT, "now", type_=Instant())


def after(seconds: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return the instant *seconds* from now."""
    return later(now(dialect), seconds, dialect)


def later(instant: ColumnElement[Any], seconds: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return the instant *seconds* after another one; on SQLite to the millisecond."""
    if dialect == POSTGRESQL:
        return type_coerce(instant + seconds * literal_column("interval '1 second'"), Instant())
    return func.strftime(_SQLITE_FORMAT, instant, func.printf("%+.3f seconds", seconds), type_=Instant())


def latest(stored: ColumnElement[Any], given: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return the later of two instants, each of which may be NULL, so that a watermark never moves back."""
    if dialect == POSTGRESQL:
        return func.greatest(stored, given, type_=Instant())
    return func.max(func.coalesce(stored, given), func.coalesce(given, stored), type_=Instant())
