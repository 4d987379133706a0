"""Implements the port ``DayQuotas``: one row for each account whose headers said what is left of its day."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import RowMapping, func, or_, select

from reconcile.domain.coordination.day_quota import FRESH_FOR, CallRate, DayReading, DayUse, ShortDays
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.db.own_rows import each_readable
from reconcile.store.schema.tables import account_day

_KEYS = 1000
"""Keys of one query."""


class SqlDayQuotas:
    """The days of accounts in a database. Runs that share an account store its latest reading; the last one counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, keys: Collection[str]) -> Sequence[DayUse]:
        """Return the use of these accounts' days, as far as it is known."""
        found: list[DayUse] = []
        ordered = sorted(keys)
        for start in range(0, len(ordered), _KEYS):
            wanted = account_day.c.key.in_(ordered[start : start + _KEYS])
            rows = await self._database.rows(select(account_day).where(wanted))
            found += each_readable(rows, _use, table=account_day, damaged=self._database.damaged)
        return found

    async def save(self, uses: Sequence[DayUse]) -> None:
        """Store the use of these accounts' days, in key order, so that two runs do not wait for each other's rows."""
        if not uses:
            return
        row = insert(account_day, self._database.dialect)
        given = {each.name: row.excluded[each.name] for each in account_day.c if not each.primary_key}
        statement = row.on_conflict_do_update(index_elements=["key"], set_=given)
        async with self._database.write_connection() as connection:
            await connection.execute(statement, [_row(each) for each in sorted(uses, key=lambda each: each.key)])

    async def short(self, *, now: datetime, limit: int) -> Sequence[ShortDays]:
        """Return the accounts whose day's calls will not suffice, by provider: up to *limit*, and their number."""
        is_fresh = or_(account_day.c.calls_left == 0, account_day.c.read_at >= now - FRESH_FOR)
        first = (account_day.c.used_up_at, account_day.c.key)
        total = func.count().over(partition_by=account_day.c.provider)
        place = func.row_number().over(partition_by=account_day.c.provider, order_by=first)
        ranked = (
            select(*account_day.c, total.label("total"), place.label("place"))
            .where(account_day.c.used_up_at.is_not(None), account_day.c.ends_at > now, is_fresh)
            .subquery()
        )
        rows = await self._database.rows(
            select(ranked).where(ranked.c.place <= limit).order_by(ranked.c.provider, ranked.c.place)
        )
        found = []
        for provider, group in groupby(rows, key=lambda row: row["provider"]):
            same = list(group)
            uses = each_readable(same, _use, table=account_day, damaged=self._database.damaged)
            if uses:
                found.append(ShortDays(provider=ProviderName(provider), count=same[0]["total"], first=uses))
        return found


def _row(use: DayUse) -> dict[str, Any]:
    return {
        "key": use.key,
        "provider": use.provider.value,
        "workspace_id": use.workspace_id,
        "read_at": use.reading.at,
        "calls_left": use.reading.left,
        "ends_at": use.reading.ends_at,
        "cadence": use.cadence,
        "hour_seconds": use.hour.lasted.total_seconds(),
        "hour_calls": use.hour.calls,
        "hour_own_calls": use.hour.own_calls,
        "before_seconds": use.hour_before.lasted.total_seconds(),
        "before_calls": use.hour_before.calls,
        "before_own_calls": use.hour_before.own_calls,
        "used_up_at": use.used_up_at,
    }


def _use(row: RowMapping) -> DayUse:
    if row["read_at"] is None or row["ends_at"] is None:
        raise ValueError
    return DayUse(
        key=row["key"],
        provider=ProviderName(row["provider"]),
        workspace_id=WorkspaceId(row["workspace_id"]),
        reading=DayReading(at=row["read_at"], left=row["calls_left"], ends_at=row["ends_at"]),
        cadence=row["cadence"],
        hour=_rate(row, "hour"),
        hour_before=_rate(row, "before"),
    )


def _rate(row: RowMapping, span: str) -> CallRate:
    return CallRate(
        lasted=timedelta(seconds=row[f"{span}_seconds"]),
        calls=row[f"{span}_calls"],
        own_calls=row[f"{span}_own_calls"],
    )
