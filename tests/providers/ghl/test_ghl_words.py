"""Status words that do not say whether a booking stands."""

from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.simulator import ApiOperation, FaultKind
from tests.providers.arena import EMAIL, NOW, TOMORROW, Arena, lead
from tests.providers.ghl.entered import CONTACT

LIST = ApiOperation.GHL_CONTACT_APPOINTMENTS


@pytest.mark.parametrize("word", ["confirmed", "cancelled", "showed", "invalid"])
@pytest.mark.parametrize("way", ["contact", "email"])
async def test_a_listed_status_of_booked_is_looked_up_by_id(ghl: Arena, word: str, way: str) -> None:
    """The word alone says neither that it stands nor that it does not."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW, status=word)
    ghl.switch(FaultKind.STATUS_SPELLING, "vague", operation=LIST)

    found = await ghl.only(lead(contact_id=CONTACT) if way == "contact" else lead(email=EMAIL))

    expected = {"cancelled": "canceled"}.get(word, word)
    assert (found.id, found.status, found.starts_at) == (appointment.id, expected, TOMORROW)
    assert ghl.asked[-2:] == ["contact_appointments", "appointment"]


async def test_the_next_of_many_vague_appointments_are_looked_up(ghl: Arena) -> None:
    """Five, the upcoming ones first; the others stay unknown."""
    state = ghl.world.ghl
    over = [state.add_booking(CONTACT, starts_at=NOW - timedelta(days=day)).id for day in range(1, 4)]
    ahead = [state.add_booking(CONTACT, starts_at=NOW + timedelta(days=day)).id for day in range(1, 5)]
    ghl.switch(FaultKind.STATUS_SPELLING, "vague", operation=LIST)

    answer = await ghl.answer(lead(contact_id=CONTACT))

    known = {each.id for each in answer.appointments if each.status is AppointmentStatus.CONFIRMED}
    assert known == {*ahead, over[0]}
    assert ghl.asked == ["contact_appointments", *["appointment"] * 5]


async def test_an_appointment_with_only_booked_is_unknown(ghl: Arena) -> None:
    """It is not taken for confirmed."""
    ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.STATUS_SPELLING, "vague")

    assert (await ghl.only(lead(contact_id=CONTACT))).status is AppointmentStatus.UNKNOWN


@pytest.mark.parametrize("word", ["invalid", "pending", "noshow"])
async def test_a_stored_booking_that_does_not_stand_does_not_hide_the_others(ghl: Arena, word: str) -> None:
    """An unknown word, a booking marked as invalid, or a no-show ahead of its time."""
    state = ghl.world.ghl
    stored = state.add_booking(CONTACT, starts_at=TOMORROW, status=word)
    other = state.add_booking(CONTACT, starts_at=TOMORROW + timedelta(days=1))

    answer = await ghl.answer(lead(booking_id=stored.id, contact_id=CONTACT))

    assert {each.id for each in answer.appointments} == {stored.id, other.id}
    assert answer.absent == frozenset()
