"""How long ago the leads were verified. Each run measures it; if that is slow for the database, only some runs do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconcile.domain.due import DuePolicy
from reconcile.domain.run.report import UNSEEN_AFTER, Freshness
from reconcile.domain.run.report_document import read_report
from reconcile.ports import Clock, Store

_REST_FACTOR = 1000
"""A measurement is repeated after this many times its duration: one of less than 60 ms is repeated every minute."""
_MAX_AGE = timedelta(minutes=10)
"""A figure older than this is always measured again."""
_FAST = timedelta(milliseconds=50)
_NEVER = datetime.min.replace(tzinfo=UTC)
_RUNS_SEARCHED = 5
"""How many recent runs are searched for a figure: a run that was cut off has none."""


async def last_freshness(store: Store) -> Freshness | None:
    """Return the newest figure of the recent runs, or None if none of them has one."""
    reports = [
        read_report(row.report) for row in await store.ledger.runs(limit=_RUNS_SEARCHED) if row.report is not None
    ]
    found = [report.freshness for report in reports]
    return max((each for each in found if each), key=lambda each: each.measured_at or _NEVER, default=None)


async def freshness(store: Store, *, last: Freshness | None, clock: Clock, policy: DuePolicy) -> Freshness:
    """Return *last* if it is recent, compared with how long it took; else measure now."""
    now = clock.now()
    if last is not None and _age_of(last, now) < min(_MAX_AGE, _REST_FACTOR * last.took):
        return last
    started = clock.monotonic()
    found = await store.leads.freshness(now=now, policy=policy)
    return replace(found, measured_at=now, took=timedelta(seconds=clock.monotonic() - started))


def new_leads_since(last: Freshness | None, now: datetime) -> datetime | None:
    """Return the earliest time of a message that no run has seen, or None if all leads must be searched.

    Searching all leads takes the database about as long as measuring does; if that is short, all are searched.
    """
    if last is None or last.measured_at is None or last.unseen or last.took < _FAST or _age_of(last, now) >= _MAX_AGE:
        return None
    return last.measured_at - UNSEEN_AFTER


def _age_of(last: Freshness, now: datetime) -> timedelta:
    """Return the age of *last*; a time in the future makes it too old to use."""
    age = now - last.measured_at if last.measured_at else _MAX_AGE
    return age if age >= timedelta(0) else _MAX_AGE
