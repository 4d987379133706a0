"""Decides whether a workspace's leads are listed or looked up one by one, by the number of calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.appointment import CANCELED_STATUSES, INCONCLUSIVE, AppointmentStatus
from reconcile.domain.lead import Lead

REACH = timedelta(days=90)
"""A booking later than this, or longer ago, is looked up, because the list would be long."""
SLACK = timedelta(days=7)
"""How far a list goes beyond the last stored booking, to include meetings that were postponed a little."""
LEAST_SAVED = 3
"""A bulk listing must save one call in this many, because a list may show less than expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCost:
    """Calls for a bulk listing of one workspace, and for the look-ups that it saves."""

    fixed: int
    lookup: int
    """For the look-up of a booking that stands and is ahead."""
    past_lookup: int
    """For the look-up of a booking that was called off or is over, and of the person's other bookings."""
    per_new_lead: int = 0
    """Additional calls for each lead that was never verified."""
    per_held_lead: int = 0
    """Additional calls for each booking that is over and was not called off."""
    search: int = 1
    """For the search for a new booking of a person whose booking is another provider's."""
    settles_new_past: bool = True
    """Whether a booking that was called off or is over can be settled for a lead that was never verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """A planned bulk listing of bookings that start from *since* to *until*, in at most *most_calls*.

    If it *includes_past*, bookings that were called off or are over are looked for as well. Where a list is read for
    each of several events, up to *concurrency* are read at the same time.
    """

    since: datetime
    until: datetime
    expected_calls: int
    most_calls: int
    includes_past: bool = False
    concurrency: int = 1


def sweep_plan(
    leads: Iterable[Lead], cost: SweepCost, *, now: datetime, searched: Iterable[Lead] = ()
) -> SweepPlan | None:
    """Return the plan of a bulk listing of *leads*, None if look-ups cost about the same.

    Only leads with a booking within ``REACH`` of now count: a list cannot settle others. If a booking was called off or
    is over, the list goes to ``REACH``, because the person may have booked again. One of them is looked up as well. For
    those *searched*, such a booking is another provider's.
    """
    counted = [lead for lead in leads if _is_likely_listed(lead, cost, now)]
    past = [lead for lead in counted if not is_standing(lead, now=now)]
    searches = sum(lead.state.verified_at is not None for lead in searched)
    starts = [start for lead in counted if (start := lead.rollup.starts_at)]
    by_lookups = (len(counted) - len(past)) * cost.lookup + len(past) * cost.past_lookup + searches * cost.search
    by_sweep = cost.fixed + (cost.past_lookup if past else 0) + (cost.search if searches else 0)
    by_sweep += cost.per_new_lead * sum(lead.state.verified_at is None for lead in counted)
    by_sweep += cost.per_held_lead * sum(lead.rollup.status not in CANCELED_STATUSES for lead in past)
    most = by_lookups - -(-by_lookups // LEAST_SAVED)
    if by_sweep > most:
        return None
    return SweepPlan(
        since=min([now, *starts]),
        until=now + REACH if past or searches else max(starts) + SLACK,
        expected_calls=by_sweep,
        most_calls=most,
        includes_past=bool(past or searches),
    )


def is_expected(lead: Lead, plan: SweepPlan, *, now: datetime) -> bool:
    """Return whether the stored booking of *lead* must be in the lists of *plan*."""
    starts_at = lead.rollup.starts_at
    return is_standing(lead, now=now) and starts_at is not None and plan.since < starts_at < plan.until


def is_standing(lead: Lead, *, now: datetime) -> bool:
    """Return whether *lead* has a booking that is active and ahead."""
    rollup = lead.rollup
    is_ahead = rollup.starts_at is not None and now < rollup.starts_at
    return is_ahead and rollup.booking_id is not None and rollup.status is AppointmentStatus.CONFIRMED


def _is_likely_listed(lead: Lead, cost: SweepCost, now: datetime) -> bool:
    rollup = lead.rollup
    if rollup.booking_id is None or rollup.status in {None, *INCONCLUSIVE} or rollup.starts_at is None:
        return False
    is_settled = lead.state.verified_at is not None or cost.settles_new_past or is_standing(lead, now=now)
    return is_settled and abs(rollup.starts_at - now) <= REACH
