"""What is planned: nothing from missing data, nothing against what people set, and no status hides a booking."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.domain.appointment import CANCELED_STATUSES, AppointmentStatus
from reconcile.domain.evidence.booking_reference import refers_to
from reconcile.domain.evidence.evidence import Absence, Evidence, evidence
from reconcile.domain.ids import AppointmentId, ProviderName
from reconcile.domain.lead import Lead, LeadState, LeadStatus, MismatchKind, Rollup
from reconcile.domain.planning.change import Answer, Unverified
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.planning.plan import plan
from tests.domain.factories import DAY, HOUR, NOW, a_booked_lead, a_lead, an_appointment, applied
from tests.domain.random_leads import SEEDS, lead_and_answer

CONFIRMED, CANCELED, UNKNOWN = AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELED, AppointmentStatus.UNKNOWN
JANUARY = datetime(2026, 1, 12, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("canceled", "booked"),
    [
        ({}, {}),
        ({"canceled_at": NOW}, {}),
        ({}, {"created_at": NOW}),
        ({"canceled_at": NOW}, {"created_at": NOW}),
    ],
    ids=["no dates", "a later edit", "only the new one is dated", "a later edit, near the new one"],
)
def test_a_meeting_of_january_is_not_replaced_by_one_of_december(canceled: Any, booked: Any) -> None:
    old = an_appointment("old", status=CANCELED, starts_at=JANUARY, **canceled)
    new = an_appointment("new", **booked)

    decided = plan(a_booked_lead(an_appointment("old", starts_at=JANUARY)), Answer(appointments=(old, new)), now=NOW)

    assert decided.change is not None
    rows = {each.after.id: each.after for each in decided.change.appointments}
    assert {each.id: (each.status, each.replaces) for each in rows.values()} == {
        "old": (CANCELED, None),
        "new": (CONFIRMED, None),
    }
    assert decided.outcome is Outcome.BOOKED


@pytest.mark.parametrize("status", [UNKNOWN, AppointmentStatus.NO_SHOW])
@pytest.mark.parametrize("has_row", [True, False])
def test_an_inconclusive_status_does_not_hide_the_next_confirmed_booking(
    status: AppointmentStatus, has_row: bool
) -> None:
    stored = an_appointment("stored", starts_at=NOW + DAY)
    other = an_appointment("other", starts_at=NOW + 5 * DAY)
    lead = a_booked_lead(stored)
    if not has_row:
        lead = replace(lead, appointments=())
    answer = Answer(appointments=(replace(stored, status=status), other), contact_id="learned")

    decided = plan(lead, answer, now=NOW)

    assert decided.change is not None
    assert (decided.change.rollup.booking_id, decided.change.contact_id) == ("other", "learned")
    assert decided.unverified is (Unverified.UNKNOWN_STATUS if status is UNKNOWN else None)
    after = applied(decided.change, LeadState())
    assert plan(after, Answer(appointments=(other,)), now=NOW).change is None
    assert plan(after, answer, now=NOW).change is None


def test_an_unknown_status_verifies_nothing_though_a_contact_was_learned() -> None:
    lead = a_booked_lead()

    decided = plan(lead, Answer(appointments=(an_appointment(status=UNKNOWN),), contact_id="learned"), now=NOW)

    assert decided.change is not None
    assert (decided.change.contact_id, decided.change.rollup) == ("learned", lead.rollup)
    assert decided.unverified is Unverified.UNKNOWN_STATUS


@pytest.mark.parametrize("status", [LeadStatus.QUALIFIED, LeadStatus.OTHER, LeadStatus.KEPT, LeadStatus.MEETING_BOOKED])
@pytest.mark.parametrize("became", [CONFIRMED, AppointmentStatus.SHOWED, AppointmentStatus.NO_SHOW, CANCELED])
def test_a_status_that_was_set_after_the_meeting_stays(status: LeadStatus, became: AppointmentStatus) -> None:
    past = an_appointment(starts_at=NOW - HOUR, status=became, canceled_at=NOW - DAY if became is CANCELED else None)

    assert plan(a_booked_lead(past, status=status), Answer(appointments=(past,)), now=NOW).change is None


def test_a_lead_that_was_not_moved_yet_is_marked_as_booked_before_its_meeting() -> None:
    ahead = an_appointment()

    decided = plan(a_booked_lead(ahead, status=LeadStatus.QUALIFIED), Answer(appointments=(ahead,)), now=NOW)

    assert decided.change is not None
    assert decided.change.status is LeadStatus.MEETING_BOOKED


CALENDLY = ProviderName.CALENDLY


@pytest.mark.parametrize(
    ("rollup", "reason"),
    [
        (Rollup(booking_id="5f0e7a34-9b1c-4a55-8d3e", provider=CALENDLY), Unverified.UNREADABLE_BOOKING_ID),
        (Rollup(booking_id="https://calendly.com/events/AB12/", provider=CALENDLY), Unverified.UNREADABLE_BOOKING_ID),
        (Rollup(booking_id="not an id", provider=ProviderName.HIGHLEVEL), Unverified.UNREADABLE_BOOKING_ID),
        (Rollup(booking_id="0a1b2c3d"), Unverified.NOT_MENTIONED),
        (Rollup(booking_id="0a1b2c3d", provider=ProviderName.HIGHLEVEL), Unverified.NOT_MENTIONED),
    ],
)
@pytest.mark.parametrize("listed", [(), (an_appointment("other", starts_at=NOW - DAY),)])
def test_a_list_without_the_stored_booking_verifies_nothing(rollup: Rollup, reason: Unverified, listed: Any) -> None:
    held = replace(rollup, status=CONFIRMED, starts_at=NOW + DAY)

    decided = plan(a_lead(rollup=held), Answer(appointments=listed), now=NOW)

    assert (decided.unverified, decided.is_verified) == (reason, False)
    assert decided.standing is MismatchKind.DISAPPEARED


def test_a_booking_of_another_person_is_a_mismatch_and_verifies_nothing() -> None:
    decided = plan(a_booked_lead(), Answer(unverified=Unverified.OTHER_PERSON), now=NOW)

    assert (decided.change, decided.unverified) == (None, Unverified.OTHER_PERSON)
    assert decided.standing is MismatchKind.OTHER_PERSON


@settings(max_examples=100)
@given(seed=SEEDS, absence=st.sampled_from(Absence))
def test_no_booking_is_canceled_and_none_verified_without_evidence(seed: int, absence: Absence) -> None:
    """Whatever the rows hold and a provider says."""
    lead, answer = lead_and_answer(seed)
    found = evidence(lead, answer)

    decided = plan(lead, answer, now=NOW, absence=absence)

    is_believed = found is Evidence.NAMED_ABSENT and absence is Absence.BELIEVED
    assert decided.is_verified == (found is Evidence.SEEN or is_believed) or decided.skip_reason is not None
    told = {each.id: each.status for each in answer.appointments}
    for row in decided.change.appointments if decided.change else ():
        if row.after.status in CANCELED_STATUSES and (row.before is None or row.before.status not in CANCELED_STATUSES):
            is_said = told.get(row.after.id) in CANCELED_STATUSES
            assert is_said or (is_believed and refers_to(lead.rollup.booking_id or "", row.after.id))
    if (
        decided.change
        and decided.change.rollup.status in CANCELED_STATUSES
        and lead.rollup.status not in CANCELED_STATUSES
    ):
        assert is_believed or {told.get(AppointmentId(i)) for i in told} & CANCELED_STATUSES or _held_elsewhere(lead)


def _held_elsewhere(lead: Lead) -> bool:
    """Tell whether the rows themselves say that the booking was called off: they were out of step before."""
    return any(each.status in CANCELED_STATUSES for each in lead.appointments)


def test_two_days_are_no_reschedule_window() -> None:
    """The window is hours: what it links must be near."""
    old = an_appointment("old", status=CANCELED, canceled_at=NOW - timedelta(days=2))
    new = an_appointment("new", created_at=NOW)

    decided = plan(a_booked_lead(an_appointment("old")), Answer(appointments=(old, new)), now=NOW)

    assert decided.outcome is Outcome.BOOKED
