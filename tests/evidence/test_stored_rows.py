"""A stored row that the provider does not list may keep a booking alive, and never creates one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead, LeadStatus, Rollup
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.planning.plan import plan
from tests.domain.factories import DAY, NOW, a_booked_lead, a_lead, an_appointment, applied

CONFIRMED, CANCELED = AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELED
OLD_CALENDLY = an_appointment(
    "https://api.calendly.com/scheduled_events/AAAAAAAAAAAAAAAA/invitees/BBBBBBBBBBBBBBBB",
    provider=ProviderName.CALENDLY,
    status=CANCELED,
    starts_at=NOW - 30 * DAY,
    canceled_at=NOW - 31 * DAY,
)


def with_row(lead: Lead) -> Lead:
    """Return *lead* with the row of another booking in the future."""
    return replace(lead, appointments=(*lead.appointments, an_appointment("stray", starts_at=NOW + 2 * DAY)))


@pytest.mark.parametrize("answer", [Answer(), Answer(appointments=(an_appointment("past", starts_at=NOW - DAY),))])
def test_a_row_that_is_not_listed_books_no_lead(answer: Answer) -> None:
    decided = plan(with_row(a_lead()), answer, now=NOW)

    change = decided.change
    assert change is None or change.rollup.booking_id != "stray"
    assert change is None or not change.effects


@pytest.mark.parametrize("status", [CANCELED, AppointmentStatus.RESCHEDULED])
def test_a_canceled_booking_is_not_restored_by_a_row_that_is_not_listed(status: AppointmentStatus) -> None:
    stored = an_appointment("stored", status=status, starts_at=NOW + DAY, canceled_at=NOW - DAY)

    decided = plan(with_row(a_booked_lead(stored)), Answer(appointments=(stored,)), now=NOW)

    assert decided.change is None or decided.change.rollup.booking_id == "stored"
    assert decided.change is None or not decided.change.effects


def test_a_row_that_is_not_listed_may_keep_the_lead_booked_and_is_no_news() -> None:
    stored = an_appointment("stored", starts_at=NOW + DAY)
    lead = with_row(a_booked_lead(stored))
    canceled = replace(stored, status=CANCELED, canceled_at=NOW)

    decided = plan(lead, Answer(appointments=(canceled,)), now=NOW)

    assert decided.change is not None
    assert (decided.change.rollup.booking_id, decided.change.rollup.status) == ("stray", CONFIRMED)
    assert (decided.outcome, decided.change.effects) == (Outcome.UPDATED, ())
    assert plan(applied(decided.change), Answer(appointments=(canceled,)), now=NOW).change is None


def test_a_listed_row_books_as_ever() -> None:
    found = an_appointment("found", starts_at=NOW + DAY)

    decided = plan(replace(a_lead(), appointments=(found,)), Answer(appointments=(found,)), now=NOW)

    assert (decided.outcome, len(decided.change.effects if decided.change else ())) == (Outcome.BOOKED, 1)


def without_id(**facts: object) -> Lead:
    rollup = Rollup(provider=ProviderName.HIGHLEVEL, status=CONFIRMED, starts_at=NOW + DAY)
    return a_lead(status=LeadStatus.MEETING_BOOKED, rollup=replace(rollup, **facts))  # type: ignore[arg-type]


@pytest.mark.parametrize("provider", [ProviderName.HIGHLEVEL, None])
def test_a_booking_without_an_id_is_not_overwritten_by_an_old_canceled_one(provider: ProviderName | None) -> None:
    lead = without_id(provider=provider)

    decided = plan(lead, Answer(appointments=(OLD_CALENDLY,)), now=NOW)

    assert decided.change is None or (decided.change.rollup, decided.change.status) == (lead.rollup, lead.status)
    assert decided.change is None or not decided.change.effects


def test_the_booking_without_an_id_is_canceled_by_the_same_one() -> None:
    lead = without_id()
    same = an_appointment("same", status=CANCELED, starts_at=NOW + DAY, canceled_at=NOW - timedelta(hours=1))

    decided = plan(lead, Answer(appointments=(same,)), now=NOW)

    assert decided.outcome is Outcome.CANCELED
