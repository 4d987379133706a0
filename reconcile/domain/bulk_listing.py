"""Whether a workspace's leads are asked about by lists or one by one: by the calls that each would cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import Lead

REACH = timedelta(days=90)
"""A booking further ahead than this is looked up: a list that went so far would be long."""
SLACK = timedelta(days=7)
"""How far a list goes beyond the last booking that is stored: meetings that were put off a little are shown as well."""
LEAST_SAVED = 3
"""A sweep must save one call in this many, or it is not worth that a list may show less than was hoped for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCost:
    """What a sweep of one workspace costs in calls, and what a look-up of one standing booking costs instead."""

    fixed: int
    lookup: int
    per_new_lead: int = 0
    """On top, for each lead that was never verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """A sweep that is worth it: the bookings that start from *since* to *until*, in at most *most_calls*."""

    since: datetime
    until: datetime
    expected_calls: int
    most_calls: int


def sweep_plan(leads: Iterable[Lead], cost: SweepCost, *, now: datetime) -> SweepPlan | None:
    """Return how to sweep *leads*, None where looking them up is as cheap.

    Only a lead whose booking stands and is ahead counts: of all others a list cannot tell enough.
    """
    counted = [lead for lead in leads if _is_likely_shown(lead, now)]
    starts = [start for lead in counted if (start := lead.rollup.starts_at)]
    by_lookups = len(counted) * cost.lookup
    by_sweep = cost.fixed + cost.per_new_lead * sum(lead.state.verified_at is None for lead in counted)
    most = by_lookups - -(-by_lookups // LEAST_SAVED)
    if by_sweep > most:
        return None
    return SweepPlan(since=now, until=max(starts) + SLACK, expected_calls=by_sweep, most_calls=most)


def is_expected(lead: Lead, plan: SweepPlan) -> bool:
    """Tell whether the booking of *lead*, as it is stored, has to be in the lists of *plan*."""
    rollup = lead.rollup
    is_within = rollup.starts_at is not None and plan.since < rollup.starts_at < plan.until
    return is_within and rollup.booking_id is not None and rollup.status is AppointmentStatus.CONFIRMED


def _is_likely_shown(lead: Lead, now: datetime) -> bool:
    rollup = lead.rollup
    is_standing = rollup.booking_id is not None and rollup.status is AppointmentStatus.CONFIRMED
    return is_standing and rollup.starts_at is not None and now < rollup.starts_at <= now + REACH
