"""Implements the port ``Budgets``: one rate limiter row for each account, updated by the database's clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Executable, Float, RowMapping, and_, bindparam, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.coordination.rate_limit import Grant, RateLimit, RateLimiter
from reconcile.ports import Usage
from reconcile.store.db import clock
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.db.types import TEXT
from reconcile.store.schema.tables import budget

LEARNED_FOR = timedelta(days=1)
"""How long a smaller limit learned from headers is used, because the account's plan may change."""
_LONG_AGO = timedelta(days=-3650)


@dataclass(frozen=True, slots=True)
class _LimiterRow:
    """A locked row: rate limiter state, the database's time, the learned limit and its expiry."""

    now: datetime
    meter: RateLimiter
    learned: RateLimit | None
    learned_until: datetime | None

    def limit(self, assumed: RateLimit) -> RateLimit:
        """Return the smaller values of the assumed and the learned limit."""
        if self.learned is None or self.learned_until is None or self.learned_until <= self.now:
            return assumed
        return RateLimit(
            interval=max(assumed.interval, self.learned.interval), burst=min(assumed.burst, self.learned.burst)
        )


class SqlBudgets:
    """Rate limiters in a database: the calls of all processes together stay within the limit.

    The usual case (all calls granted, no learned limit) is one statement; in all other cases ``RateLimiter`` decides
    under the row's lock.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = _lock(database.dialect)
        self._take = _take(database.dialect)
        self._give_back = _give_back(database.dialect)

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        """Reserve up to *wanted* calls of the account; a smaller limit learned from headers applies."""
        if grant := await self._reserve_all(key, wanted, limit.below(share)):
            return grant
        async with self._locked(key) as (connection, account):
            meter, grant = account.meter.take(wanted, now=account.now, limit=account.limit(limit).below(share))
            if meter != account.meter:
                await _store(connection, key, replace(account, meter=meter))
        return grant

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        """Return *unused* calls (negative: more were made) and correct the state by the provider's headers."""
        if usage.limit is None and await self._settle_by(key, unused, _emptied(usage, limit), limit):
            return
        async with self._locked(key) as (connection, account):
            changed = account
            if usage.limit is not None:
                changed = replace(account, learned=usage.limit, learned_until=account.now + LEARNED_FOR)
            # Calls are returned under the limit under which they were reserved.
            meter = account.meter.give_back(unused, limit=account.limit(limit))
            if (emptied := _emptied(usage, changed.limit(limit))) is not None:
                meter = RateLimiter(max(meter.arrival_at, account.now + emptied))
            if (changed := replace(changed, meter=meter)) != account:
                await _store(connection, key, changed)

    async def _reserve_all(self, key: str, wanted: int, limit: RateLimit) -> Grant | None:
        """Reserve all *wanted* calls if the limit allows it and none was learned; else return None."""
        taken, capacity = limit.interval * wanted, limit.interval * limit.burst
        if taken > capacity:
            return None
        parameters = {"account": key, "taken": taken.total_seconds(), "room": (capacity - taken).total_seconds()}
        async with self._database.write_connection() as connection:
            row = (await connection.execute(self._take, parameters)).mappings().first()
        if row is None:
            return None
        return Grant(granted=wanted, left=max(0, (row["now"] + capacity - row["arrival_at"]) // limit.interval))

    async def _settle_by(self, key: str, unused: int, emptied: timedelta | None, limit: RateLimit) -> bool:
        parameters = {
            "account": key,
            "unused": (limit.interval * unused).total_seconds(),
            "emptied": (_LONG_AGO if emptied is None else emptied).total_seconds(),
        }
        return await self._database.change(self._give_back, parameters) == 1

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncIterator[tuple[AsyncConnection, _LimiterRow]]:
        async with self._database.write_connection() as connection:
            row = (await connection.execute(self._lock, {"account": key})).mappings().one()
            yield connection, _account(row)


def _lock(dialect: str) -> Executable:
    """Return the statement that creates the row if missing, locks it, and returns it with the database's time."""
    made = insert(budget, dialect).values(key=bindparam("account", type_=TEXT), arrival_at=clock.now(dialect))
    return made.on_conflict_do_update(index_elements=["key"], set_={"arrival_at": budget.c.arrival_at}).returning(
        *budget.c, clock.now(dialect).label("now")
    )


def _take(dialect: str) -> Executable:
    """Return the statement that reserves calls if the limit allows all of them."""
    now, taken, room = clock.now(dialect), bindparam("taken", type_=Float()), bindparam("room", type_=Float())
    arrival_at = clock.latest(budget.c.arrival_at, now, dialect)
    made = insert(budget, dialect).values(
        key=bindparam("account", type_=TEXT), arrival_at=clock.later(now, taken, dialect)
    )
    return made.on_conflict_do_update(
        index_elements=["key"],
        set_={"arrival_at": clock.later(arrival_at, taken, dialect)},
        where=and_(arrival_at <= clock.later(now, room, dialect), _has_no_learned_limit(dialect)),
    ).returning(budget.c.arrival_at, now.label("now"))


def _give_back(dialect: str) -> Executable:
    """Return the statement that returns calls, and blocks the account for the time in its parameter ``emptied``."""
    given_back = clock.later(budget.c.arrival_at, -bindparam("unused", type_=Float()), dialect)
    emptied = clock.after(bindparam("emptied", type_=Float()), dialect)
    return (
        update(budget)
        .where(budget.c.key == bindparam("account", type_=TEXT), _has_no_learned_limit(dialect))
        .values(arrival_at=clock.latest(given_back, emptied, dialect))
    )


def _has_no_learned_limit(dialect: str) -> ColumnElement[bool]:
    return or_(budget.c.limit_until.is_(None), budget.c.limit_until <= clock.now(dialect))


def _emptied(usage: Usage, limit: RateLimit) -> timedelta | None:
    """Return for how long the account is blocked by the provider's headers; None without such headers."""
    until = []
    if usage.remaining is not None:
        until.append(limit.debt(usage.remaining))
    if usage.not_before is not None:
        until.append(usage.not_before + limit.debt(1))
    return max(until, default=None)


def _account(row: RowMapping) -> _LimiterRow:
    interval, burst = row["limit_interval_seconds"], row["limit_burst"]
    learned = None
    if interval is not None and burst is not None:
        learned = RateLimit(interval=timedelta(seconds=interval), burst=burst)
    return _LimiterRow(
        now=row["now"], meter=RateLimiter(row["arrival_at"]), learned=learned, learned_until=row["limit_until"]
    )


async def _store(connection: AsyncConnection, key: str, account: _LimiterRow) -> None:
    learned = account.learned
    await connection.execute(
        update(budget)
        .where(budget.c.key == key)
        .values(
            arrival_at=account.meter.arrival_at,
            limit_interval_seconds=learned.interval.total_seconds() if learned else None,
            limit_burst=learned.burst if learned else None,
            limit_until=account.learned_until,
        )
    )
