"""What became of a booking: reschedules, their ends, and what came after a cancellation."""

from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.errors import ErrorClass, ProviderRejected, ProviderUnavailable
from reconcile.providers.calendly.lookup import Calendly
from reconcile.simulator import ApiOperation as Simulated
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, NOW, TOMORROW, Arena, arena, lead
from tests.providers.calendly.entered import EVENT_URI, NAME, USER, enter

DAY = timedelta(days=1)


@pytest.mark.parametrize("steps", [1, 2, 10])
@pytest.mark.parametrize("way", ["invitee", "event", "email"])
async def test_a_reschedule_is_followed_to_its_end(calendly: Arena, steps: int, way: str) -> None:
    """Each place says which one it replaces."""
    state = calendly.world.calendly
    invitees = [state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)]
    for step in range(1, steps + 1):
        invitees.append(state.reschedule(invitees[-1].id, TOMORROW + step * DAY))
    subject = {
        "invitee": lead(booking_id=state.uri(invitees[0].id)),
        "event": lead(booking_id=EVENT_URI.format(invitees[0].event_id), email=EMAIL),
        "email": lead(email=EMAIL),
    }[way]

    answer = await calendly.answer(subject)

    uris = [state.uri(each.id) for each in invitees]
    found = {str(each.id): each for each in answer.appointments}
    assert set(found) == set(uris)
    assert [found[each].replaces for each in uris] == [None, *uris[:-1]]
    assert [found[each].status for each in uris] == [AppointmentStatus.RESCHEDULED] * steps + ["confirmed"]
    assert found[uris[-1]].starts_at == TOMORROW + steps * DAY


async def test_a_chain_is_linked_if_only_the_old_booking_names_the_new_one(calendly: Arena) -> None:
    """``old_invitee`` may be missing."""
    state = calendly.world.calendly
    old = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    new = state.reschedule(old.id, TOMORROW + DAY)
    calendly.switch(FaultKind.MISSING_FIELD, "old_invitee")

    answer = await calendly.answer(lead(booking_id=state.uri(old.id)))

    assert {each.id: each.replaces for each in answer.appointments} == {
        state.uri(old.id): None,
        state.uri(new.id): state.uri(old.id),
    }


async def test_a_reschedule_without_a_successor_is_searched(calendly: Arena) -> None:
    """By the address; the new place says what it replaces."""
    state = calendly.world.calendly
    old = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    new = state.reschedule(old.id, TOMORROW + DAY)
    calendly.switch(FaultKind.MISSING_FIELD, "new_invitee")

    answer = await calendly.answer(lead(booking_id=state.uri(old.id), email=EMAIL))

    assert {each.id: each.replaces for each in answer.appointments} == {
        state.uri(old.id): None,
        state.uri(new.id): state.uri(old.id),
    }


async def test_a_reschedule_out_of_the_window_is_followed(calendly: Arena) -> None:
    """The list by e-mail ends at ninety days, the chain does not."""
    state = calendly.world.calendly
    old = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    new = state.reschedule(old.id, NOW + 200 * DAY)

    answer = await calendly.answer(lead(email=EMAIL))

    assert {each.id for each in answer.appointments} == {state.uri(old.id), state.uri(new.id)}


async def test_a_chain_that_is_too_long_is_unknown(calendly: Arena) -> None:
    """Somewhere it has to end."""
    state = calendly.world.calendly
    first = invitee = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    for step in range(1, 12):
        invitee = state.reschedule(invitee.id, TOMORROW + step * DAY)

    with pytest.raises(ProviderRejected, match=r"^Calendly's chain of reschedules is longer than 10$"):
        await calendly.ask(lead(booking_id=state.uri(first.id)))


@pytest.mark.parametrize("email", [EMAIL, None])
@pytest.mark.parametrize("length", [1, 2, 3])
async def test_a_chain_that_leads_back_is_unknown(calendly: Arena, length: int, email: str | None) -> None:
    """It ends nowhere, and the program does not walk it for ever."""
    state = calendly.world.calendly
    first = last = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    for step in range(1, length):
        last = state.reschedule(last.id, TOMORROW + step * DAY)
    state.cancel(last.id)
    state.link(last.id, first.id)

    with pytest.raises(ProviderRejected, match="is circular"):
        await calendly.ask(lead(booking_id=state.uri(first.id), email=email))


async def test_a_chain_ends_at_a_missing_booking(calendly: Arena) -> None:
    """The old place was called off, and the new one is absent."""
    state = calendly.world.calendly
    old = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    new = state.reschedule(old.id, TOMORROW + DAY)
    gone = state.uri(new.id)
    calendly.switch(FaultKind.SET_FIELD, f'new_invitee="{gone}"')
    state.delete(new.event_id)

    answer = await calendly.answer(lead(booking_id=state.uri(old.id)))

    assert [each.status for each in answer.appointments] == [AppointmentStatus.RESCHEDULED]
    assert answer.absent == {gone}


@pytest.mark.parametrize("ending", ["canceled", "gone"])
@pytest.mark.parametrize("stored", ["invitee", "event"])
async def test_a_canceled_booking_is_searched_for_a_replacement(calendly: Arena, ending: str, stored: str) -> None:
    """The person may have booked anew without rescheduling."""
    state = calendly.world.calendly
    old = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    new = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW + DAY)
    old_uri = state.uri(old.id) if stored == "invitee" else EVENT_URI.format(old.event_id)
    if ending == "gone":
        state.delete(old.event_id)
    else:
        state.cancel(old.id)

    answer = await calendly.answer(lead(booking_id=old_uri, email=EMAIL))

    statuses = {each.id: str(each.status) for each in answer.appointments}
    expected = {state.uri(new.id): "confirmed"}
    if ending == "canceled":
        expected[state.uri(old.id)] = "canceled"
    assert statuses == expected
    assert answer.absent == ({old_uri} if ending == "gone" else set())


async def test_a_known_canceled_event_is_not_requested_again(calendly: Arena) -> None:
    """The search for a replacement costs one call where there is none."""
    state = calendly.world.calendly
    invitee = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    state.cancel(invitee.id)

    await calendly.only(lead(booking_id=state.uri(invitee.id), email=EMAIL))

    assert calendly.operations == ["invitee", "scheduled_event", "scheduled_events"]


async def test_a_new_place_in_the_same_group_event_is_found(calendly: Arena) -> None:
    """The person left it and came back."""
    state = calendly.world.calendly
    event = state.add_event(USER, starts_at=TOMORROW, limit=3)
    left = state.invite(event.id, email=EMAIL)
    state.invite(event.id, email="bob@example.com")
    state.cancel(left.id)
    back = state.invite(event.id, email=EMAIL)

    answer = await calendly.answer(lead(booking_id=state.uri(left.id), email=EMAIL))

    assert {each.id: str(each.status) for each in answer.appointments} == {
        state.uri(left.id): "canceled",
        state.uri(back.id): "confirmed",
    }


async def test_a_failed_search_for_a_replacement_is_no_cancellation(calendly: Arena) -> None:
    """Half an answer could open a task for a meeting that was only moved."""
    state = calendly.world.calendly
    invitee = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    state.cancel(invitee.id)
    calendly.switch(FaultKind.SERVER_ERROR, operation=Simulated.CALENDLY_EVENTS)

    with pytest.raises(ProviderUnavailable):
        await calendly.ask(lead(booking_id=state.uri(invitee.id), email=EMAIL))


async def test_a_token_that_may_not_read_its_user_can_still_tell_of_a_cancellation() -> None:
    """Only the search for a replacement needs to know whose token it is."""
    async with arena(Calendly, name=NAME, enter=enter(account=None)) as calendly:
        state = calendly.world.calendly
        invitee = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
        state.cancel(invitee.id)
        calendly.switch(FaultKind.FORBIDDEN, "insufficient_scope", operation=Simulated.CALENDLY_USER)

        found = await calendly.only(lead(booking_id=state.uri(invitee.id), email=EMAIL))
        with pytest.raises(ProviderRejected) as caught:
            await calendly.ask(lead(email=EMAIL))

    assert found.status is AppointmentStatus.CANCELED
    assert caught.value.error_class is ErrorClass.CREDENTIAL


@pytest.mark.parametrize("way", ["invitee", "event"])
async def test_after_a_meeting_the_next_one_is_found(calendly: Arena, way: str) -> None:
    """People who were met, or did not come, book again; the stored place says nothing of that."""
    state = calendly.world.calendly
    met = state.add_booking(USER, email=EMAIL, starts_at=NOW - 3 * DAY)
    following = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    stored = state.uri(met.id) if way == "invitee" else EVENT_URI.format(met.event_id)

    answer = await calendly.answer(lead(booking_id=stored, email=EMAIL))

    assert {each.id for each in answer.appointments} == {state.uri(met.id), state.uri(following.id)}
