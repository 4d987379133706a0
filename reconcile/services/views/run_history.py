"""All runs of a period, read in pages because a report can be long."""

from collections.abc import AsyncIterator
from datetime import datetime

from reconcile.ports import Ledger, ScheduledRun

_PAGE = 100


async def scheduled_runs(ledger: Ledger, *, since: datetime, page: int = _PAGE) -> AsyncIterator[ScheduledRun]:
    """Yield the finished runs started since then, oldest first; *page* of them are read at a time."""
    last: ScheduledRun | None = None
    while rows := await ledger.scheduled_runs(since=since, after=last, limit=page):
        for row in rows:
            yield row
        last = rows[-1]
