"""Every run of a span of time, read a few at a time: with many parked workspaces each report is long."""

from collections.abc import AsyncIterator
from datetime import datetime

from reconcile.ports import Ledger, TickRow


async def every_tick(ledger: Ledger, *, since: datetime) -> AsyncIterator[TickRow]:
    """Yield the runs begun since then that have reported, oldest first."""
    last: TickRow | None = None
    while rows := await ledger.ticks(since=since, after=last):
        for row in rows:
            yield row
        last = rows[-1]
