"""When lists are worth it: by the calls that they and look-ups cost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.bulk_listing import REACH, SLACK, SweepCost, sweep_plan
from reconcile.domain.lead import Lead, LeadState
from tests.domain.factories import DAY, HOUR, NOW, a_booked_lead, a_lead, an_appointment

GHL = SweepCost(fixed=3, lookup=1, past_lookup=2)
CALENDLY = SweepCost(fixed=1, lookup=2, past_lookup=3, per_new_lead=1, per_held_lead=1, settles_new_past=False)
VERIFIED = LeadState(verified_at=NOW - DAY)
STANDING = a_booked_lead()
OVER = a_booked_lead(an_appointment(starts_at=NOW - HOUR), state=VERIFIED)
CANCELED = a_booked_lead(an_appointment(status=AppointmentStatus.CANCELED, canceled_at=NOW), state=VERIFIED)
NEWLY_CANCELED = replace(CANCELED, state=LeadState())


@pytest.mark.parametrize(
    ("leads", "cost", "calls"),
    [
        ([STANDING] * 4, GHL, None),
        ([STANDING] * 5, GHL, (3, 3)),
        ([STANDING] * 50, GHL, (3, 33)),
        ([STANDING] * 2, CALENDLY, None),
        ([STANDING] * 3, CALENDLY, (4, 4)),
        ([STANDING] * 50, CALENDLY, (51, 66)),
        ([a_booked_lead(an_appointment(starts_at=NOW + REACH))] * 5, GHL, (3, 3)),
        ([a_booked_lead(state=VERIFIED)] * 50, CALENDLY, (1, 66)),
        ([], GHL, None),
        ([CANCELED] * 3, GHL, None),
        ([CANCELED] * 4, GHL, (5, 5)),
        ([NEWLY_CANCELED] * 50, GHL, (5, 66)),
        ([OVER] * 50, GHL, (5, 66)),
        ([STANDING] * 25 + [OVER] * 25, GHL, (5, 50)),
        ([CANCELED] * 50, CALENDLY, (4, 100)),
        ([OVER] * 50, CALENDLY, (54, 100)),
        ([NEWLY_CANCELED] * 50, CALENDLY, None),
    ],
)
def test_a_sweep_must_save_a_third_of_the_calls(
    leads: list[Lead], cost: SweepCost, calls: tuple[int, int] | None
) -> None:
    plan = sweep_plan(leads, cost, now=NOW)

    assert (plan and (plan.expected_calls, plan.most_calls)) == calls


@pytest.mark.parametrize(
    "other",
    [
        a_lead(),
        a_booked_lead(an_appointment(starts_at=NOW + REACH + timedelta(microseconds=1))),
        a_booked_lead(an_appointment(starts_at=NOW - REACH - timedelta(microseconds=1))),
        replace(STANDING, rollup=replace(STANDING.rollup, starts_at=None)),
        replace(STANDING, rollup=replace(STANDING.rollup, status=None)),
        a_booked_lead(an_appointment(status=AppointmentStatus.UNKNOWN)),
        a_booked_lead(an_appointment(status=AppointmentStatus.INVALID)),
    ],
    ids=["no booking", "far ahead", "long ago", "no start", "no status", "unknown", "invalid"],
)
def test_only_bookings_with_a_status_and_near_now_count(other: Lead) -> None:
    assert sweep_plan([other] * 50, GHL, now=NOW) is None
    assert sweep_plan([other] * 50 + [STANDING] * 5, GHL, now=NOW) == sweep_plan([STANDING] * 5, GHL, now=NOW)


def test_with_a_booking_that_is_over_the_list_begins_there_and_goes_as_far_as_lists_do() -> None:
    """The person may have booked again."""
    plan = sweep_plan([STANDING] * 9 + [OVER], GHL, now=NOW)

    assert plan is not None
    assert (plan.since, plan.until, plan.includes_past) == (NOW - HOUR, NOW + REACH, True)


def test_the_list_goes_from_now_to_a_little_beyond_the_last_booking() -> None:
    """What was put off a little is shown as well."""
    last = NOW + timedelta(days=20)

    plan = sweep_plan([STANDING] * 9 + [a_booked_lead(an_appointment(starts_at=last))], GHL, now=NOW)

    assert plan is not None
    assert (plan.since, plan.until, plan.includes_past) == (NOW, last + SLACK, False)
