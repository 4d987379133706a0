"""The port ``Budgets``: one meter an account, read and written under its row's lock by the database's clock."""

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
"""How long a smaller limit that headers told of is believed: an account's plan may have been changed since."""
_LONG_AGO = timedelta(days=-3650)


@dataclass(frozen=True, slots=True)
class _LimiterRow:
    """A locked row: its meter, the database's time, and the smaller limit that was learned, until when."""

    now: datetime
    meter: RateLimiter
    learned: RateLimit | None
    learned_until: datetime | None

    def limit(self, assumed: RateLimit) -> RateLimit:
        """Return the smaller of the assumed and the learned limit, in each number."""
        if self.learned is None or self.learned_until is None or self.learned_until <= self.now:
            return assumed
        return RateLimit(
            interval=max(assumed.interval, self.learned.interval), burst=min(assumed.burst, self.learned.burst)
        )


class SqlBudgets:
    """Meters in a database: what several processes take together never exceeds the limit.

    What is usual, that all is granted and that no other limit was learned, is one statement each; whatever else there
    is to decide is decided by ``RateLimiter``, under the row's lock.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = _lock(database.dialect)
        self._take = _take(database.dialect)
        self._give_back = _give_back(database.dialect)

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        """Take up to *wanted* calls from the account's meter; a smaller limit learned from headers is kept with it."""
        if grant := await self._reserve_all(key, wanted, limit.below(share)):
            return grant
        async with self._locked(key) as (connection, account):
            meter, grant = account.meter.take(wanted, now=account.now, limit=account.limit(limit).below(share))
            if meter != account.meter:
                await _store(connection, key, replace(account, meter=meter))
        return grant

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        """Give back *unused* calls (negative: more were made) and correct the meter by the provider's own headers."""
        if usage.limit is None and await self._settle_by(key, unused, _emptied(usage, limit), limit):
            return
        async with self._locked(key) as (connection, account):
            changed = account
            if usage.limit is not None:
                changed = replace(account, learned=usage.limit, learned_until=account.now + LEARNED_FOR)
            # What was taken under one limit is given back under the same one.
            meter = account.meter.give_back(unused, limit=account.limit(limit))
            if (emptied := _emptied(usage, changed.limit(limit))) is not None:
                meter = RateLimiter(max(meter.arrival_at, account.now + emptied))
            if (changed := replace(changed, meter=meter)) != account:
                await _store(connection, key, changed)

    async def _reserve_all(self, key: str, wanted: int, limit: RateLimit) -> Grant | None:
        """Take all that is *wanted* if the meter allows it and no other limit was learned; else take nothing."""
        taken, capacity = limit.interval * wanted, limit.interval * limit.burst
        if taken > capacity:
            return None
        asked = {"account": key, "taken": taken.total_seconds(), "room": (capacity - taken).total_seconds()}
        async with self._database.write_connection() as connection:
            row = (await connection.execute(self._take, asked)).mappings().first()
        if row is None:
            return None
        return Grant(granted=wanted, left=max(0, (row["now"] + capacity - row["arrival_at"]) // limit.interval))

    async def _settle_by(self, key: str, unused: int, emptied: timedelta | None, limit: RateLimit) -> bool:
        asked = {
            "account": key,
            "unused": (limit.interval * unused).total_seconds(),
            "emptied": (_LONG_AGO if emptied is None else emptied).total_seconds(),
        }
        return await self._database.change(self._give_back, asked) == 1

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncIterator[tuple[AsyncConnection, _LimiterRow]]:
        async with self._database.write_connection() as connection:
            row = (await connection.execute(self._lock, {"account": key})).mappings().one()
            yield connection, _account(row)


def _lock(dialect: str) -> Executable:
    """Return the statement that makes the row if need be, locks it and returns it with the database's time."""
    made = insert(budget, dialect).values(key=bindparam("account", type_=TEXT), arrival_at=clock.now(dialect))
    return made.on_conflict_do_update(index_elements=["key"], set_={"arrival_at": budget.c.arrival_at}).returning(
        *budget.c, clock.now(dialect).label("now")
    )


def _take(dialect: str) -> Executable:
    """Return the statement that takes calls where there is room for all of them."""
    now, taken, room = clock.now(dialect), bindparam("taken", type_=Float()), bindparam("room", type_=Float())
    arrival_at = clock.latest(budget.c.arrival_at, now, dialect)
    made = insert(budget, dialect).values(
        key=bindparam("account", type_=TEXT), arrival_at=clock.later(now, taken, dialect)
    )
    return made.on_conflict_do_update(
        index_elements=["key"],
        set_={"arrival_at": clock.later(arrival_at, taken, dialect)},
        where=and_(arrival_at <= clock.later(now, room, dialect), _knows_no_other_limit(dialect)),
    ).returning(budget.c.arrival_at, now.label("now"))


def _give_back(dialect: str) -> Executable:
    """Return the statement that gives calls back, and moves the meter on to where it is emptied to."""
    given_back = clock.later(budget.c.arrival_at, -bindparam("unused", type_=Float()), dialect)
    emptied = clock.after(bindparam("emptied", type_=Float()), dialect)
    return (
        update(budget)
        .where(budget.c.key == bindparam("account", type_=TEXT), _knows_no_other_limit(dialect))
        .values(arrival_at=clock.latest(given_back, emptied, dialect))
    )


def _knows_no_other_limit(dialect: str) -> ColumnElement[bool]:
    return or_(budget.c.limit_until.is_(None), budget.c.limit_until <= clock.now(dialect))


def _emptied(usage: Usage, limit: RateLimit) -> timedelta | None:
    """Return until how long from now the meter is to say that calls are taken, None where the headers say nothing."""
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
