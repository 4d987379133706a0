"""Decides whether a workspace's leads are listed or looked up one by one, by the number of calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import Lead

REACH = timedelta(days=90)
"""A booking later than this is looked up, because the list would be long."""
SLACK = timedelta(days=7)
"""How far a list goes beyond the last stored booking, to include meetings that were postponed a little."""
LEAST_SAVED = 3
"""A bulk listing must save one call in this many, because a list may show less than expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCost:
    """Calls for a bulk listing of one workspace, and for a look-up of one active booking."""

    fixed: int
    lookup: int
    per_new_lead: int = 0
    """Additional calls for each lead that was never verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """A planned bulk listing of bookings that start from *since* to *until*, in at most *most_calls*.

    Where a list is read for each of several events, up to *concurrency* are read at the same time.
    """

    since: datetime
    until: datetime
    expected_calls: int
    most_calls: int
    concurrency: int = 1


def sweep_plan(leads: Iterable[Lead], cost: SweepCost, *, now: datetime) -> SweepPlan | None:
    """Return the plan of a bulk listing of *leads*, None if look-ups cost about the same.

    Only leads with an active future booking count: a list cannot settle others.
    """
    counted = [lead for lead in leads if _is_likely_listed(lead, now)]
    starts = [start for lead in counted if (start := lead.rollup.starts_at)]
    by_lookups = len(counted) * cost.lookup
    by_sweep = cost.fixed + cost.per_new_lead * sum(lead.state.verified_at is None for lead in counted)
    most = by_lookups - -(-by_lookups // LEAST_SAVED)
    if by_sweep > most:
        return None
    return SweepPlan(since=now, until=max(starts) + SLACK, expected_calls=by_sweep, most_calls=most)


def is_expected(lead: Lead, plan: SweepPlan) -> bool:
    """Return whether the stored booking of *lead* must be in the lists of *plan*."""
    rollup = lead.rollup
    is_within = rollup.starts_at is not None and plan.since < rollup.starts_at < plan.until
    return is_within and rollup.booking_id is not None and rollup.status is AppointmentStatus.CONFIRMED


def _is_likely_listed(lead: Lead, now: datetime) -> bool:
    rollup = lead.rollup
    is_standing = rollup.booking_id is not None and rollup.status is AppointmentStatus.CONFIRMED
    return is_standing and rollup.starts_at is not None and now < rollup.starts_at <= now + REACH
