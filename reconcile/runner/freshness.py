"""How old the verified truth is: measured by each run, or, where that is long work for the database, by some."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.due import DuePolicy
from reconcile.domain.report import Freshness
from reconcile.ports import Clock, Store

_SHARE = 1000
"""Of the database's time, measuring takes no more than one part in this many: below 60 ms it is done every minute."""
_MOST = timedelta(minutes=10)
"""Older than this, a figure is measured again at any cost."""
_LOOKED_AT = 5
"""Last runs among which one with a figure is looked for: some report before they have looked."""


async def freshness(store: Store, *, clock: Clock, policy: DuePolicy) -> Freshness:
    """Return what is measured now, or what a run before found if that is recent by what it cost."""
    now = clock.now()
    for row in await store.ledger.runs(limit=_LOOKED_AT):
        last = read_freshness((row.report or {}).get("freshness") or {})
        if last is not None and _is_recent(last, now):
            return last
    begun = clock.monotonic()
    found = await store.leads.freshness(now=now, policy=policy)
    return replace(found, measured_at=now, took=timedelta(seconds=clock.monotonic() - begun))


def _is_recent(last: Freshness, now: datetime) -> bool:
    age = now - last.measured_at if last.measured_at else _MOST
    return timedelta(0) <= age < min(_MOST, _SHARE * last.took)


def read_freshness(stored: Mapping[str, Any]) -> Freshness | None:
    """Return the figure that a stored report holds, or None where it holds none of this form."""
    try:
        return Freshness(
            oldest=_age(stored["oldestSeconds"]),
            median=_age(stored["medianSeconds"]),
            never_verified=stored["neverVerified"],
            due=stored["due"],
            overdue=stored["overdue"],
            measured_at=datetime.fromisoformat(stored["measuredAt"]),
            took=timedelta(milliseconds=stored["tookMs"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _age(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
