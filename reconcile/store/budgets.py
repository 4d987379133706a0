"""The port ``Budgets``: one meter an account, read and written under its row's lock by the database's clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Executable, RowMapping, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.budget import Grant, Meter, RateLimit
from reconcile.ports import Usage
from reconcile.store import clock
from reconcile.store.database import Database
from reconcile.store.insert import insert
from reconcile.store.tables import budget
from reconcile.store.types import TEXT

LEARNED_FOR = timedelta(days=1)
"""How long a smaller limit that headers told of is believed: an account's plan may have been changed since."""


@dataclass(frozen=True, slots=True)
class _Account:
    """A locked row: its meter, the database's time, and the smaller limit that was learned, until when."""

    now: datetime
    meter: Meter
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
    """Meters in a database: what several processes take together never exceeds the limit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = _lock(database.dialect)

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        """Take up to *wanted* calls from the account's meter; a smaller limit learned from headers is kept with it."""
        async with self._locked(key) as (connection, account):
            meter, grant = account.meter.take(wanted, now=account.now, limit=account.limit(limit).below(share))
            if meter != account.meter:
                await _store(connection, key, replace(account, meter=meter))
        return grant

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        """Give back *unused* calls (negative: more were made) and correct the meter by the provider's own headers."""
        async with self._locked(key) as (connection, account):
            changed = account
            if usage.limit is not None:
                changed = replace(account, learned=usage.limit, learned_until=account.now + LEARNED_FOR)
            # What was taken under one limit is given back under the same one.
            meter = account.meter.give_back(unused, limit=account.limit(limit))
            effective = changed.limit(limit)
            if usage.remaining is not None:
                meter = meter.at_most(usage.remaining, now=account.now, limit=effective)
            if usage.not_before is not None:
                empty_until = account.now + usage.not_before + effective.interval * (effective.burst - 1)
                meter = Meter(max(meter.arrival_at, empty_until))
            if (changed := replace(changed, meter=meter)) != account:
                await _store(connection, key, changed)

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncIterator[tuple[AsyncConnection, _Account]]:
        async with self._database.writing() as connection:
            row = (await connection.execute(self._lock, {"account": key})).mappings().one()
            yield connection, _account(row)


def _lock(dialect: str) -> Executable:
    """Return the statement that makes the row if need be, locks it and returns it with the database's time."""
    made = insert(budget, dialect).values(key=bindparam("account", type_=TEXT), arrival_at=clock.now(dialect))
    return made.on_conflict_do_update(index_elements=["key"], set_={"arrival_at": budget.c.arrival_at}).returning(
        *budget.c, clock.now(dialect).label("now")
    )


def _account(row: RowMapping) -> _Account:
    interval, burst = row["limit_interval_seconds"], row["limit_burst"]
    learned = None
    if interval is not None and burst is not None:
        learned = RateLimit(interval=timedelta(seconds=interval), burst=burst)
    return _Account(now=row["now"], meter=Meter(row["arrival_at"]), learned=learned, learned_until=row["limit_until"])


async def _store(connection: AsyncConnection, key: str, account: _Account) -> None:
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
