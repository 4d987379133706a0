"""Every run of a span of time, read a few at a time: with many parked workspaces each report is long."""

from collections.abc import AsyncIterator
from datetime import datetime

from reconcile.ports import Ledger, ScheduledRun

_PAGE = 100


async def scheduled_runs(ledger: Ledger, *, since: datetime, page: int = _PAGE) -> AsyncIterator[ScheduledRun]:
    """Yield the runs begun since then that have reported, oldest first; *page* of them are read at a time."""
    last: ScheduledRun | None = None
    while rows := await ledger.scheduled_runs(since=since, after=last, limit=page):
        for row in rows:
            yield row
        last = rows[-1]
