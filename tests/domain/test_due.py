"""Which leads are due; the store's own selection is compared with this one elsewhere."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.due import DuePolicy, NotDue, Priority, due
from reconcile.domain.lead import Lead, LeadState, MismatchKind, Rollup
from tests.domain.factories import DAY, HOUR, NOW, a_booked_lead, a_lead, an_appointment

POLICY = DuePolicy()
LONG_AGO = LeadState(verified_at=NOW - 8 * DAY, attempted_at=NOW - 8 * DAY)
FRESH = LeadState(verified_at=NOW - DAY, attempted_at=NOW - DAY)
MISSED = replace(FRESH, absent_since=NOW - HOUR)
DISAPPEARED = replace(FRESH, mismatch=MismatchKind.DISAPPEARED)


@pytest.mark.parametrize(
    ("lead", "verdict"),
    [
        (a_lead(in_sequence=True), Priority.HOT),
        (a_booked_lead(an_appointment(starts_at=NOW + HOUR), state=FRESH), Priority.HOT),
        (a_booked_lead(an_appointment(starts_at=NOW + DAY), state=FRESH), NotDue.FRESH),
        (a_booked_lead(an_appointment(starts_at=NOW - HOUR), state=FRESH), NotDue.FRESH),
        (
            a_booked_lead(
                an_appointment(starts_at=NOW + HOUR, status=AppointmentStatus.CANCELED, canceled_at=NOW), state=FRESH
            ),
            Priority.HOT,
        ),
        (
            a_booked_lead(
                an_appointment(starts_at=NOW - HOUR, status=AppointmentStatus.CANCELED, canceled_at=NOW), state=FRESH
            ),
            NotDue.FRESH,
        ),
        (a_booked_lead(an_appointment(starts_at=NOW + 30 * DAY), state=MISSED), Priority.HOT),
        (a_booked_lead(an_appointment(starts_at=NOW + 30 * DAY), state=DISAPPEARED), Priority.HOT),
        (a_booked_lead(an_appointment(starts_at=NOW - HOUR), state=MISSED), NotDue.FRESH),
        (a_booked_lead(an_appointment(starts_at=NOW - HOUR), state=DISAPPEARED), NotDue.FRESH),
        (a_lead(rollup=Rollup(booking_id="x", status=AppointmentStatus.CONFIRMED), state=MISSED), Priority.HOT),
        (a_lead(last_inbound_at=NOW - HOUR), Priority.WARM),
        (a_lead(last_inbound_at=NOW - HOUR, state=FRESH), Priority.WARM),
        (a_lead(last_inbound_at=NOW - 2 * DAY, state=FRESH), NotDue.FRESH),
        (a_lead(last_inbound_at=NOW + HOUR, state=FRESH), NotDue.FRESH),
        (a_lead(state=LONG_AGO), Priority.WARM),
        (a_lead(rollup=Rollup(booking_id="x")), Priority.WARM),
        (a_lead(), NotDue.NEVER_ENGAGED),
        (a_booked_lead(an_appointment(starts_at=NOW - HOUR)), NotDue.UNVERIFIED),
        (
            a_lead(in_sequence=True, state=LeadState(attempted_at=NOW - timedelta(seconds=49))),
            NotDue.ATTEMPTED_RECENTLY,
        ),
        (a_lead(in_sequence=True, state=LeadState(attempted_at=NOW - timedelta(seconds=50))), Priority.HOT),
        (a_lead(in_sequence=True, state=LeadState(next_attempt_at=NOW + HOUR)), NotDue.BACKING_OFF),
        (a_lead(in_sequence=True, state=LeadState(quarantined_at=NOW - HOUR)), NotDue.QUARANTINED),
    ],
)
def test_a_lead_is_due_or_it_is_said_why_not(lead: Lead, verdict: Priority | NotDue) -> None:
    assert due(lead, now=NOW, policy=POLICY) is verdict
