"""Which way a lead is looked up, and that every variant of an answer reads alike."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.outcome import SkipReason
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, NOW, TOMORROW, Arena, credential, lead
from tests.providers.ghl.entered import CONTACT, NAME, TOKEN
from tests.samples import covering


@covering(1, ("kind", "value"), "word", "way")
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FaultKind.EXTRA_FIELDS, None),
        (FaultKind.ENVELOPE, "event"),
        (FaultKind.ENVELOPE, "appointment"),
        (FaultKind.ENVELOPE, "flat"),
        (FaultKind.TRACE_ID, "off"),
        (FaultKind.STATUS_SPELLING, "good"),
        (FaultKind.STATUS_SPELLING, "typo"),
        (FaultKind.STATUS_SPELLING, "both"),
        (FaultKind.STATUS_SPELLING, "only_status"),
        (FaultKind.STATUS_SPELLING, "booked"),
        (FaultKind.STATUS_STYLE, "upper"),
        (FaultKind.STATUS_STYLE, "spaced"),
        (FaultKind.STATUS_STYLE, "camel"),
        (FaultKind.TIME_FORMAT, "iso"),
        (FaultKind.TIME_FORMAT, "naive"),
        (FaultKind.TIME_FORMAT, "utc"),
        (FaultKind.HEADER_CASE, "upper"),
        (FaultKind.MISSING_FIELD, "endTime"),
        (FaultKind.MISSING_FIELD, "dateAdded"),
        (FaultKind.MISSING_FIELD, "locationId"),
        (FaultKind.MISSING_FIELD, "contactId"),
        (FaultKind.MISSING_FIELD, "deleted"),
    ],
)
@pytest.mark.parametrize("word", ["confirmed", "noshow", "cancelled"])
@pytest.mark.parametrize("way", ["id", "contact", "email"])
async def test_every_variant_reads_alike_by_every_way(
    ghl: Arena, kind: FaultKind, value: str | None, word: str, way: str
) -> None:
    """Envelope, spelling, time format and extra fields say the same."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW, status=word)
    ghl.switch(kind, value)

    found = await ghl.only(
        {
            "id": lead(booking_id=appointment.id),
            "contact": lead(contact_id=CONTACT),
            "email": lead(email=" ANN@example.com"),
        }[way]
    )

    expected = {"noshow": "no_show", "cancelled": "canceled"}.get(word, word)
    assert (found.id, found.status, found.starts_at) == (appointment.id, expected, TOMORROW)
    assert found.ends_at == (None if value == "endTime" else TOMORROW + timedelta(minutes=30))
    assert found.canceled_at == (NOW if word == "cancelled" else None)


@pytest.mark.parametrize(
    ("subject", "operation"),
    [
        (lead(booking_id="abc", contact_id=CONTACT, email=EMAIL), Operation.APPOINTMENT),
        (lead(booking_id="abc_1729821600000_1800"), Operation.APPOINTMENT),
        (lead(booking_id="abc", provider=NAME), Operation.APPOINTMENT),
        (lead(booking_id="abc", provider=ProviderName.CALENDLY, contact_id=CONTACT), Operation.CONTACT_APPOINTMENTS),
        (lead(booking_id="/scheduled_events/A", contact_id=CONTACT), Operation.CONTACT_APPOINTMENTS),
        (lead(booking_id="not an id", provider=NAME, contact_id=CONTACT), Operation.CONTACT_APPOINTMENTS),
        (lead(booking_id=" ", contact_id=CONTACT, email=EMAIL), Operation.CONTACT_APPOINTMENTS),
        (lead(contact_id="../locations", email=EMAIL), Operation.CONTACT_SEARCH),
        (lead(email=EMAIL), Operation.CONTACT_SEARCH),
    ],
)
async def test_the_first_call_is_known_before_it_is_made(ghl: Arena, subject: Lead, operation: Operation) -> None:
    """By booking id, else by contact, else by e-mail."""
    assert ghl.provider.lookup(subject, ghl.workspace) == Lookup(provider=NAME, operation=operation)
    assert ghl.attempts == []


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (lead(), SkipReason.NO_IDENTITY),
        (lead(email="ann"), SkipReason.NO_IDENTITY),
        (lead(email="a b@example.com"), SkipReason.NO_IDENTITY),
        (lead(email="a\x00b@example.com"), SkipReason.NO_IDENTITY),
        (lead(email="a" * 70 + "@example.com"), SkipReason.NO_IDENTITY),
        (lead(booking_id="not an id", provider=NAME), SkipReason.UNREADABLE_BOOKING_ID),
        (lead(booking_id="/scheduled_events/A"), SkipReason.NO_IDENTITY),
    ],
)
async def test_a_lead_without_a_way_is_skipped_with_its_reason(ghl: Arena, subject: Lead, reason: SkipReason) -> None:
    """And no call is made."""
    assert ghl.provider.lookup(subject, ghl.workspace) is reason
    assert await ghl.ask(subject) is reason
    assert ghl.attempts == []


async def test_a_workspace_without_a_credential_is_not_configured(ghl: Arena) -> None:
    """Or without a location, where the search needs one."""
    bare = replace(ghl.workspace, credentials={})
    lost = replace(ghl.workspace, credentials={NAME: credential(NAME, TOKEN, None)})

    assert ghl.provider.lookup(lead(booking_id="abc"), bare) is SkipReason.NOT_CONFIGURED
    assert ghl.provider.lookup(lead(email=EMAIL), lost) is SkipReason.NOT_CONFIGURED
    assert isinstance(ghl.provider.lookup(lead(booking_id="abc"), lost), Lookup)


async def test_an_active_booking_costs_one_call(ghl: Arena) -> None:
    """Most leads, most of the time."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)

    answer = await ghl.answer(lead(booking_id=appointment.id, contact_id=CONTACT, email=EMAIL))

    assert ghl.asked == ["appointment"]
    assert answer.contact_id == CONTACT


async def test_after_a_meeting_the_next_one_is_found(ghl: Arena) -> None:
    """People who were met, or did not come, book again; the stored booking says nothing of that."""
    state = ghl.world.ghl
    met = state.add_booking(CONTACT, starts_at=TOMORROW - timedelta(days=3), status="confirmed")
    following = state.add_booking(CONTACT, starts_at=TOMORROW)

    answer = await ghl.answer(lead(booking_id=met.id, contact_id=CONTACT))

    assert {each.id for each in answer.appointments} == {met.id, following.id}
    assert ghl.asked == ["appointment", "contact_appointments"]


async def test_a_status_in_an_unknown_word_is_reported_as_unknown(ghl: Arena) -> None:
    """The appointment is there; the plan decides that nothing follows."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW, status="exploded")

    found = await ghl.only(lead(booking_id=appointment.id))

    assert found.status is AppointmentStatus.UNKNOWN
