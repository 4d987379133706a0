"""How old the verified truth is: measured by each run, or, where that is long work for the database, by some."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconcile.domain.due import DuePolicy
from reconcile.domain.run.report import UNSEEN_AFTER, Freshness
from reconcile.domain.run.report_document import read_report
from reconcile.ports import Clock, Store

_SHARE = 1000
"""Of the database's time, measuring takes no more than one part in this many: below 60 ms it is done every minute."""
_MOST = timedelta(minutes=10)
"""Older than this, a figure is measured again at any cost."""
_LITTLE = timedelta(milliseconds=50)
_NEVER = datetime.min.replace(tzinfo=UTC)
_LOOKED_AT = 5
"""Last runs among which one with a figure is looked for: some report before they have looked."""


async def last_freshness(store: Store) -> Freshness | None:
    """Return what a run before this one has found, or None where none of the last ones has looked."""
    reports = [read_report(row.report) for row in await store.ledger.runs(limit=_LOOKED_AT) if row.report is not None]
    found = [report.freshness for report in reports]
    return max((each for each in found if each), key=lambda each: each.measured_at or _NEVER, default=None)


async def freshness(store: Store, *, last: Freshness | None, clock: Clock, policy: DuePolicy) -> Freshness:
    """Return what is measured now, or *last* if that is recent by what it cost."""
    now = clock.now()
    if last is not None and _age_of(last, now) < min(_MOST, _SHARE * last.took):
        return last
    begun = clock.monotonic()
    found = await store.leads.freshness(now=now, policy=policy)
    return replace(found, measured_at=now, took=timedelta(seconds=clock.monotonic() - begun))


def new_leads_since(last: Freshness | None, now: datetime) -> datetime | None:
    """Return the earliest time of a message that no run has looked at, or None if all leads must be searched.

    Searching all leads takes the database about as long as measuring does; if that is short, all are searched.
    """
    if last is None or last.measured_at is None or last.unseen or last.took < _LITTLE or _age_of(last, now) >= _MOST:
        return None
    return last.measured_at - UNSEEN_AFTER


def _age_of(last: Freshness, now: datetime) -> timedelta:
    """Return the age of *last*; a time in the future makes it too old to use."""
    age = now - last.measured_at if last.measured_at else _MOST
    return age if age >= timedelta(0) else _MOST
