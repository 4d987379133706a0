"""Whose an appointment is: exact addresses, duplicates, strangers, other locations."""

import pytest

from reconcile.domain.planning.change import Answer, Unverified
from reconcile.domain.planning.outcome import SkipReason
from reconcile.errors import (
    ErrorClass,
    ProviderRejected,
)
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, TOMORROW, Arena, lead
from tests.providers.ghl.entered import CONTACT, LOCATION


async def test_all_contacts_with_the_address_count(ghl: Arena) -> None:
    """As the first address or as an additional one; then no single contact is the lead's."""
    state = ghl.world.ghl
    alias = state.add_contact(LOCATION, email="other@example.com", additional_emails=["ANN@example.com"])
    state.add_contact(LOCATION, email="ann@example.com.invalid")
    ids = {state.add_booking(each, starts_at=TOMORROW).id for each in (CONTACT, alias.id)}

    answer = await ghl.answer(lead(email=EMAIL))

    assert {each.id for each in answer.appointments} == ids
    assert answer.contact_id is None
    assert ghl.asked == ["contact_search", "contact_appointments", "contact_appointments"]


async def test_a_single_contact_is_remembered(ghl: Arena) -> None:
    """So that the next look-up needs no search."""
    assert await ghl.answer(lead(email=EMAIL)) == Answer(contact_id=CONTACT)


async def test_an_address_without_an_exact_match_is_skipped(ghl: Arena) -> None:
    """A search that is not exact does not make the first one found the lead."""
    ghl.world.ghl.add_contact(LOCATION, email="joann@example.com")
    ghl.switch(FaultKind.SET_FIELD, 'email="joann@example.com"')

    assert await ghl.ask(lead(email="joe@example.com")) is SkipReason.CONTACT_NOT_FOUND
    assert await ghl.ask(lead(email=EMAIL)) is SkipReason.CONTACT_NOT_FOUND


async def test_a_lead_whose_address_many_contacts_have_is_skipped(ghl: Arena) -> None:
    """Six people with one address are no duplicates of one person, and that is no fault of the provider."""
    for _ in range(5):
        ghl.world.ghl.add_contact(LOCATION, email=EMAIL)

    assert await ghl.ask(lead(email=EMAIL)) is SkipReason.AMBIGUOUS_CONTACT


async def test_a_lead_whose_search_is_truncated_is_skipped(ghl: Arena) -> None:
    """More were found than are listed: the one may be among the rest."""
    for _ in range(30):
        ghl.world.ghl.add_contact(LOCATION, email=EMAIL)
    ghl.switch(FaultKind.SET_FIELD, 'email="joann@example.com"')

    assert await ghl.ask(lead(email=EMAIL)) is SkipReason.AMBIGUOUS_CONTACT


async def test_the_booking_of_another_person_is_not_the_leads(ghl: Arena) -> None:
    """It is neither reported nor called absent; what the lead's own contact has is."""
    state = ghl.world.ghl
    stranger = state.add_contact(LOCATION, email="bob@example.com")
    theirs = state.add_booking(stranger.id, starts_at=TOMORROW)
    own = state.add_booking(CONTACT, starts_at=TOMORROW)

    answer = await ghl.answer(lead(booking_id=theirs.id, contact_id=CONTACT, email=EMAIL))

    assert [each.id for each in answer.appointments] == [own.id]
    assert (answer.absent, answer.contact_id) == (frozenset(), CONTACT)
    assert answer.unverified is Unverified.OTHER_PERSON


async def test_the_booking_of_a_duplicate_contact_is_the_leads(ghl: Arena) -> None:
    """The address proves that both are one person; what either has may replace what was called off."""
    state = ghl.world.ghl
    twin = state.add_contact(LOCATION, email="other@example.com", additional_emails=[EMAIL])
    old = state.add_booking(twin.id, starts_at=TOMORROW, status="cancelled")
    new = state.add_booking(CONTACT, starts_at=TOMORROW)

    answer = await ghl.answer(lead(booking_id=old.id, contact_id=CONTACT, email=EMAIL))

    assert {each.id for each in answer.appointments} == {old.id, new.id}
    assert answer.contact_id == CONTACT


async def test_the_booking_of_a_merged_contact_is_the_leads(ghl: Arena) -> None:
    """A merge can be seen: the contact that is left has the lead's address as an additional one."""
    survivor = ghl.world.ghl.add_contact(LOCATION, email="new@example.com", additional_emails=["merged@example.com"])
    booked = ghl.world.ghl.add_booking(survivor.id, starts_at=TOMORROW)

    answer = await ghl.answer(lead(booking_id=booked.id, contact_id="merged", email="merged@example.com"))

    assert [each.id for each in answer.appointments] == [booked.id]
    assert answer.unverified is None


@pytest.mark.parametrize("email", [None, "ann@elsewhere.example"])
@pytest.mark.parametrize("status", ["confirmed", "cancelled"])
async def test_a_booking_on_a_contact_that_shares_nothing_with_the_lead_is_another_persons(
    ghl: Arena, email: str | None, status: str
) -> None:
    """The lead's own contact was deleted, and that alone is no sign of a merge."""
    stranger = ghl.world.ghl.add_contact(LOCATION, email="bob@example.com")
    theirs = ghl.world.ghl.add_booking(stranger.id, starts_at=TOMORROW, status=status)

    answer = await ghl.answer(lead(booking_id=theirs.id, contact_id="deleted", email=email))

    assert (answer.appointments, answer.absent) == ((), frozenset())
    assert answer.unverified is Unverified.OTHER_PERSON
    assert answer.contact_id is None


async def test_an_answer_about_another_appointment_is_not_believed(ghl: Arena) -> None:
    """Not even if it is the same contact's."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.SET_FIELD, 'id="another"')

    with pytest.raises(ProviderRejected, match="another appointment than the requested one"):
        await ghl.ask(lead(booking_id=appointment.id))


async def test_a_list_of_another_contact_is_not_believed(ghl: Arena) -> None:
    """A filter that was ignored must not book somebody else's meeting for the lead."""
    ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.SET_FIELD, 'contactId="another"')

    with pytest.raises(ProviderRejected, match="another contact than the requested one"):
        await ghl.ask(lead(contact_id=CONTACT))


@pytest.mark.parametrize("way", ["id", "contact", "email"])
async def test_another_location_is_a_fault_of_the_credential(ghl: Arena, way: str) -> None:
    """The token opens a location that is not the workspace's: nothing that it says is about our leads."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.SET_FIELD, 'locationId="another"')
    subject = {
        "id": lead(booking_id=appointment.id),
        "contact": lead(contact_id=CONTACT),
        "email": lead(email=EMAIL),
    }[way]

    with pytest.raises(ProviderRejected, match="another location than the workspace's") as caught:
        await ghl.ask(subject)

    assert caught.value.error_class is ErrorClass.CREDENTIAL
