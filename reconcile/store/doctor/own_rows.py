"""Finds unreadable rows of our own tables; runs continue without their content."""

from collections.abc import Sequence
from datetime import UTC, datetime

from reconcile.domain.breaker.breaker import BreakerReason
from reconcile.store.coordination.alerts import SqlAlerts
from reconcile.store.coordination.breakers import SqlBreakers
from reconcile.store.coordination.cadences import SqlAppliedAnnotations, SqlCadences
from reconcile.store.coordination.day_quotas import SqlDayQuotas
from reconcile.store.coordination.outbox import SqlOutbox
from reconcile.store.db.database import Database
from reconcile.store.ledger.change_holds import SqlChangeHolds
from reconcile.store.ledger.ledger import SqlLedger
from reconcile.store.schema import tables

_RUNS = 1_000
"""The number of last runs that are checked."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


async def damaged_rows(database: Database) -> Sequence[str]:
    """Return a sentence for each table with unreadable rows."""
    alerts = SqlAlerts(database)
    await alerts.load(since=_EVER)
    await alerts.channels()
    await SqlCadences(database).override()
    await SqlAppliedAnnotations(database).list_all()
    await SqlDayQuotas(database).short(now=_EVER, limit=_RUNS)
    await SqlOutbox(database).given_up(limit=_RUNS)
    await SqlLedger(database).runs(limit=_RUNS)
    await SqlChangeHolds(database).load()
    unreadable = [each for each in await SqlBreakers(database).load() if each.reason is BreakerReason.UNREADABLE]
    counts = {table: f"{count}; correct or delete them" for table, count in database.damaged.counts().items()}
    if unreadable:
        counts[tables.breaker.name] = f"{len(unreadable)}; close each with `reconcile breaker reset`"
    return [f"rows of {table} that cannot be read and are left out: {count}" for table, count in sorted(counts.items())]
