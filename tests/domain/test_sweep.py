"""When lists are worth it: by the calls that they and look-ups cost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.bulk_listing import REACH, SLACK, SweepCost, sweep_plan
from reconcile.domain.lead import Lead, LeadState
from tests.domain.factories import DAY, HOUR, NOW, a_booked_lead, a_lead, an_appointment

GHL = SweepCost(fixed=3, lookup=1)
CALENDLY = SweepCost(fixed=1, lookup=2, per_new_lead=1)
VERIFIED = LeadState(verified_at=NOW - DAY)
STANDING = a_booked_lead()


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
        a_booked_lead(an_appointment(starts_at=NOW)),
        a_booked_lead(an_appointment(starts_at=NOW - HOUR)),
        a_booked_lead(an_appointment(starts_at=NOW + REACH + timedelta(microseconds=1))),
        replace(STANDING, rollup=replace(STANDING.rollup, starts_at=None)),
        a_booked_lead(an_appointment(status=AppointmentStatus.CANCELED, canceled_at=NOW)),
        a_booked_lead(an_appointment(status=AppointmentStatus.SHOWED)),
    ],
    ids=["no booking", "begins now", "is over", "is far ahead", "has no start", "is called off", "has taken place"],
)
def test_only_bookings_that_stand_and_are_ahead_count(other: Lead) -> None:
    assert sweep_plan([other] * 50, GHL, now=NOW) is None
    assert sweep_plan([other] * 50 + [STANDING] * 5, GHL, now=NOW) == sweep_plan([STANDING] * 5, GHL, now=NOW)


def test_the_list_goes_from_now_to_a_little_beyond_the_last_booking() -> None:
    """What was put off a little is shown as well."""
    last = NOW + timedelta(days=20)

    plan = sweep_plan([STANDING] * 9 + [a_booked_lead(an_appointment(starts_at=last))], GHL, now=NOW)

    assert plan is not None
    assert (plan.since, plan.until) == (NOW, last + SLACK)
