"""What says absent, and what says nothing; lists to their end or not at all."""

from datetime import timedelta

import pytest

from reconcile.domain.coordination.rate_limit import CALENDLY_FREE_LIMIT
from reconcile.domain.planning.change import Answer
from reconcile.errors import ContractFault, ErrorClass, ProviderError, ProviderRejected, RateLimited
from reconcile.providers.calendly.lookup import Calendly
from reconcile.simulator import ApiOperation as Simulated
from reconcile.simulator import FaultKind, SubscriptionPlan
from tests.providers.arena import EMAIL, NOW, TOMORROW, Arena, arena, lead, silence
from tests.providers.calendly.entered import EVENT_URI, NAME, TOKEN, USER, enter
from tests.samples import covering

GONE = f"{EVENT_URI}/invitees/INV".format("EV")
UNKNOWN = [
    (FaultKind.BAD_REQUEST, "not found", ErrorClass.REJECTED),
    (FaultKind.UNPROCESSABLE, "not found", ErrorClass.REJECTED),
    (FaultKind.UNAUTHORIZED, "token", ErrorClass.CREDENTIAL),
    (FaultKind.FORBIDDEN, "event", ErrorClass.CREDENTIAL),
    (FaultKind.FORBIDDEN, "insufficient_scope", ErrorClass.CREDENTIAL),
    (FaultKind.EXTERNAL_CALENDAR, None, ErrorClass.UNAVAILABLE),
    (FaultKind.RATE_LIMITED, None, ErrorClass.RATE_LIMITED),
    (FaultKind.SERVER_ERROR, 500, ErrorClass.UNAVAILABLE),
    (FaultKind.HTML, 503, ErrorClass.UNAVAILABLE),
    (FaultKind.HTML, 404, ErrorClass.UNDECODABLE),
    (FaultKind.HTML, 200, ErrorClass.UNDECODABLE),
    (FaultKind.EMPTY_BODY, None, ErrorClass.UNDECODABLE),
    (FaultKind.CUT_JSON, None, ErrorClass.UNDECODABLE),
    (FaultKind.RESET, None, ErrorClass.TRANSPORT),
    (FaultKind.REDIRECT, "http://127.0.0.1:9/", ErrorClass.REJECTED),
    (FaultKind.MISSING_ID, "removed", ErrorClass.CONTRACT),
    (FaultKind.MISSING_ID, "number", ErrorClass.CONTRACT),
    (FaultKind.MISSING_FIELD, "status", ErrorClass.CONTRACT),
    (FaultKind.SET_FIELD, 'start_time="soon"', ErrorClass.CONTRACT),
]


@covering(1, ("kind", "value"), "way")
@pytest.mark.parametrize(("kind", "value", "error_class"), UNKNOWN)
@pytest.mark.parametrize("way", ["invitee", "event", "email"])
async def test_an_indecisive_response_is_raised(
    calendly: Arena, kind: FaultKind, value: str | None, error_class: ErrorClass, way: str
) -> None:
    """By every way: unknown is neither absent nor booked."""
    invitee = calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    calendly.switch(kind, value)
    subject = {
        "invitee": lead(booking_id=calendly.world.calendly.uri(invitee.id)),
        "event": lead(booking_id=EVENT_URI.format(invitee.event_id), email=EMAIL),
        "email": lead(email=EMAIL),
    }[way]

    with pytest.raises(ProviderError) as caught:
        await calendly.ask(subject)

    assert caught.value.error_class is error_class
    assert TOKEN not in repr(caught.value)
    assert EMAIL not in repr(caught.value)


@pytest.mark.parametrize("stored", [GONE, EVENT_URI.format("EV")])
async def test_a_404_of_the_stored_booking_is_absent(calendly: Arena, stored: str) -> None:
    """Under the id in its canonical form."""
    answer = await calendly.answer(lead(booking_id=stored.replace("https://api.", "https://elsewhere.")))

    assert answer == Answer(absent=frozenset({stored}))  # type: ignore[arg-type]


@pytest.mark.parametrize("way", ["invitee", "event"])
async def test_a_listed_booking_is_not_absent(calendly: Arena, way: str) -> None:
    """Two answers that contradict each other prove no disappearance."""
    state = calendly.world.calendly
    invitee = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    if way == "invitee":
        stored = state.uri(invitee.id)
        calendly.switch(FaultKind.NOT_FOUND, operation=Simulated.CALENDLY_INVITEE)
    else:
        stored = EVENT_URI.format(invitee.event_id)
        calendly.switch(FaultKind.NOT_FOUND, operation=Simulated.CALENDLY_INVITEES, times=1)

    answer = await calendly.answer(lead(booking_id=stored, email=EMAIL))

    assert [each.id for each in answer.appointments] == [state.uri(invitee.id)]
    assert answer.absent == frozenset()


async def test_a_404_of_the_list_by_address_is_unknown(calendly: Arena) -> None:
    """Lists are always there."""
    calendly.switch(FaultKind.NOT_FOUND)

    with pytest.raises(ProviderRejected, match=r"^calendly answered 404 to scheduled_events$"):
        await calendly.ask(lead(email=EMAIL))


async def test_an_event_that_went_while_it_was_listed_is_left_out(calendly: Arena) -> None:
    """It has no invitees any more."""
    calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    calendly.switch(FaultKind.NOT_FOUND, operation=Simulated.CALENDLY_INVITEES)

    assert await calendly.answer(lead(email=EMAIL)) == Answer()


async def test_no_invitee_with_the_address_is_an_answer(calendly: Arena) -> None:
    """There is no contact to be missing."""
    assert await calendly.answer(lead(email=EMAIL)) == Answer()


@pytest.mark.parametrize(
    ("days", "is_found"), [(-91, False), (-89, True), (-1, True), (1, True), (89, True), (91, False)]
)
async def test_the_list_by_address_spans_ninety_days_both_ways(calendly: Arena, days: int, is_found: bool) -> None:
    """Beyond, an event is not found, which says nothing of it."""
    calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=NOW + timedelta(days=days))

    assert bool((await calendly.answer(lead(email=EMAIL))).appointments) is is_found


@pytest.mark.parametrize("keys", ["all", "legacy", "null_token"])
async def test_a_long_list_is_read_to_its_end(calendly: Arena, keys: str) -> None:
    """By token, with all filters sent again, whatever host stands in ``next_page``."""
    state = calendly.world.calendly
    event = state.add_event(USER, starts_at=TOMORROW, limit=500)
    for number in range(220):
        state.invite(event.id, email=EMAIL, created_at=NOW - timedelta(minutes=number))
    calendly.switch(FaultKind.PAGE_KEYS, keys)

    async with silence() as (elsewhere, received):
        calendly.switch(FaultKind.NEXT_PAGE_ORIGIN, elsewhere)
        answer = await calendly.answer(lead(booking_id=EVENT_URI.format(event.id), email=EMAIL))

    assert len(answer.appointments) == 220
    assert calendly.operations == ["invitees"] * 3 + ["scheduled_event"]
    assert received == []


@pytest.mark.parametrize("way", ["event", "email"])
async def test_a_list_without_end_is_unknown(calendly: Arena, way: str) -> None:
    """It is given up at the first token that comes again."""
    invitee = calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    calendly.switch(FaultKind.ENDLESS_PAGES)
    subject = lead(email=EMAIL)
    if way == "event":
        subject = lead(booking_id=EVENT_URI.format(invitee.event_id), email=EMAIL)

    with pytest.raises(ProviderRejected, match="has too many pages") as caught:
        await calendly.ask(subject)

    assert caught.value.error_class is ErrorClass.UNDECODABLE
    assert len(calendly.attempts) == 2


async def test_the_most_relevant_of_many_events_are_requested(calendly: Arena) -> None:
    """The next, then the last; what lies beyond cannot be the primary one."""
    state = calendly.world.calendly
    for day in range(1, 41):
        state.add_booking(USER, email=EMAIL, starts_at=NOW - timedelta(days=day))
    ahead = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)

    answer = await calendly.answer(lead(email=EMAIL))

    assert state.uri(ahead.id) in {each.id for each in answer.appointments}
    assert len(answer.appointments) == 20


async def test_many_events_without_an_active_one_are_unknown(calendly: Arena) -> None:
    """The one that stands may be among those that were not asked about."""
    state = calendly.world.calendly
    for day in range(1, 22):
        event = state.add_event(USER, starts_at=NOW + timedelta(days=day), limit=3)
        state.cancel(state.invite(event.id, email=EMAIL).id)

    with pytest.raises(ProviderRejected, match="too many events for one e-mail address"):
        await calendly.ask(lead(email=EMAIL))


@pytest.mark.parametrize(
    "answered", [Simulated.CALENDLY_INVITEE, Simulated.CALENDLY_EVENT, Simulated.CALENDLY_INVITEES]
)
@pytest.mark.parametrize("way", ["invitee", "event", "email"])
async def test_an_answer_about_something_else_is_not_believed(calendly: Arena, way: str, answered: Simulated) -> None:
    """Neither another invitee nor another event."""
    invitee = calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    calendly.switch(FaultKind.SET_FIELD, f'uri="{GONE}"', operation=answered)
    subject = {
        "invitee": lead(booking_id=calendly.world.calendly.uri(invitee.id)),
        "event": lead(booking_id=EVENT_URI.format(invitee.event_id), email=EMAIL),
        "email": lead(email=EMAIL),
    }[way]
    if (
        answered.removeprefix("calendly.")
        not in {
            "invitee": {"invitee", "event"},
            "event": {"event", "invitees"},
            "email": {"invitees"},
        }[way]
    ):
        await calendly.only(subject)
        return

    with pytest.raises(ProviderRejected, match="another record than the requested one"):
        await calendly.ask(subject)


async def test_an_invitee_with_another_address_is_not_the_lead(calendly: Arena) -> None:
    """A filter that was ignored must not book somebody else's meeting for the lead."""
    calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    calendly.switch(FaultKind.SET_FIELD, 'email="joann@example.com"')

    assert await calendly.answer(lead(email=EMAIL)) == Answer()


async def test_a_missing_field_is_named_with_the_keys_that_were_there(calendly: Arena) -> None:
    """As an operator reads it at night."""
    invitee = calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    calendly.switch(FaultKind.MISSING_ID)

    with pytest.raises(ContractFault) as caught:
        await calendly.ask(lead(booking_id=calendly.world.calendly.uri(invitee.id)))

    assert str(caught.value) == "Calendly invitee response missing required URI field"
    assert "resource.status" in caught.value.shape


@pytest.mark.parametrize("plan", [SubscriptionPlan.FREE, SubscriptionPlan.PAID])
async def test_a_free_account_is_known_by_its_headers(plan: SubscriptionPlan) -> None:
    """Its limit is a tenth of the one that is assumed."""
    async with arena(Calendly, name=NAME, enter=enter(plan=plan)) as calendly:
        await calendly.ask(lead(email=EMAIL))
        usage = calendly.provider.usage(calendly.workspace)

    assert usage.limit == (CALENDLY_FREE_LIMIT if plan is SubscriptionPlan.FREE else None)
    assert (usage.calls, usage.remaining) == (1, 49 if plan is SubscriptionPlan.FREE else 499)


async def test_a_429_blocks_the_account_until_the_window_ends(calendly: Arena) -> None:
    """Calendly says in how many seconds."""
    calendly.switch(FaultKind.RATE_LIMITED)

    with pytest.raises(RateLimited) as caught:
        await calendly.ask(lead(email=EMAIL))

    assert timedelta(0) < caught.value.retry_after <= timedelta(seconds=60)
    assert calendly.provider.usage(calendly.workspace).not_before == caught.value.retry_after
