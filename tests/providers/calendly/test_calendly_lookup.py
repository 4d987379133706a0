"""Which way a lead is looked up, and that every variant of an answer reads alike."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Unverified
from reconcile.domain.planning.outcome import SkipReason
from reconcile.providers.calendly.lookup import Calendly
from reconcile.simulator import FaultKind
from tests.provider_lookup import ask
from tests.providers.arena import EMAIL, NOW, TOMORROW, Arena, arena, lead
from tests.providers.calendly.entered import ACCOUNT, EVENT_URI, NAME, USER, enter
from tests.samples import covering

INVITEE_URI = "https://api.calendly.com/scheduled_events/EV/invitees/INV"


@covering(1, ("kind", "value"), "ending", "way")
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FaultKind.EXTRA_FIELDS, None),
        (FaultKind.FRACTION, "micro"),
        (FaultKind.FRACTION, "milli"),
        (FaultKind.FRACTION, "none"),
        (FaultKind.EVENT_LOCATION, "null"),
        (FaultKind.EVENT_LOCATION, "kind"),
        (FaultKind.CANCELER_TYPE, "off"),
        (FaultKind.MISSING_FIELD, "cancellation"),
        (FaultKind.MISSING_FIELD, "end_time"),
        (FaultKind.MISSING_FIELD, "created_at"),
        (FaultKind.URI_ORIGIN, "https://calendly.com"),
        (FaultKind.PAGE_KEYS, "legacy"),
        (FaultKind.PAGE_KEYS, "null_token"),
        (FaultKind.NEXT_PAGE_ORIGIN, "https://calendly.com"),
        (FaultKind.HEADER_CASE, "upper"),
    ],
)
@pytest.mark.parametrize("ending", ["confirmed", "canceled", "no_show"])
@pytest.mark.parametrize("way", ["invitee", "event", "email"])
async def test_every_variant_reads_alike_by_every_way(
    calendly: Arena, kind: FaultKind, value: str | None, ending: str, way: str
) -> None:
    """Fractions, origins, pagination keys and missing details say the same."""
    state = calendly.world.calendly
    invitee = state.add_booking(USER, email="Ann@Example.com", starts_at=TOMORROW, at=NOW - timedelta(days=3))
    if ending == "canceled":
        state.cancel(invitee.id)
    elif ending == "no_show":
        state.mark_no_show(invitee.id)
    calendly.switch(kind, value)

    found = await calendly.only(
        {
            "invitee": lead(booking_id=state.uri(invitee.id)),
            "event": lead(booking_id=EVENT_URI.format(invitee.event_id), email=EMAIL),
            "email": lead(email=" ANN@example.com"),
        }[way]
    )

    assert found.id == f"https://api.calendly.com/scheduled_events/{invitee.event_id}/invitees/{invitee.id}"
    assert (found.status, found.starts_at, found.provider) == (ending, TOMORROW, NAME)
    assert found.ends_at == (None if value == "end_time" else TOMORROW + timedelta(minutes=30))
    assert found.canceled_at == (NOW if ending == "canceled" else None)


@pytest.mark.parametrize(
    ("subject", "operation"),
    [
        (lead(booking_id=INVITEE_URI, email=EMAIL), Operation.INVITEE),
        (lead(booking_id="https://evil.example/scheduled_events/EV/invitees/INV?x#y"), Operation.INVITEE),
        (lead(booking_id=EVENT_URI.format("EV")), Operation.INVITEES),
        (lead(booking_id="/scheduled_events/EV", provider=NAME), Operation.INVITEES),
        (lead(booking_id="ghl-id", provider=ProviderName.HIGHLEVEL, email=EMAIL), Operation.SCHEDULED_EVENTS),
        (lead(booking_id="a bare uuid", provider=NAME, email=EMAIL), Operation.SCHEDULED_EVENTS),
        (lead(email=EMAIL), Operation.SCHEDULED_EVENTS),
    ],
)
async def test_the_first_call_is_known_before_it_is_made(calendly: Arena, subject: Lead, operation: Operation) -> None:
    """By the stored URI, else by e-mail."""
    assert calendly.provider.lookup(subject, calendly.workspace) == Lookup(provider=NAME, operation=operation)
    assert calendly.attempts == []


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (lead(), SkipReason.NO_IDENTITY),
        (lead(contact_id="abc"), SkipReason.NO_IDENTITY),
        (lead(email="ann"), SkipReason.NO_IDENTITY),
        (lead(booking_id="a bare uuid", provider=NAME), SkipReason.UNREADABLE_BOOKING_ID),
    ],
)
async def test_a_lead_without_a_way_is_skipped_with_its_reason(
    calendly: Arena, subject: Lead, reason: SkipReason
) -> None:
    """And no call is made."""
    assert calendly.provider.lookup(subject, calendly.workspace) is reason
    assert await calendly.ask(subject) is reason
    assert calendly.attempts == []


async def test_a_workspace_without_a_credential_is_not_configured(calendly: Arena) -> None:
    """Whatever is known of the lead."""
    bare = replace(calendly.workspace, credentials={})

    assert calendly.provider.lookup(lead(booking_id=INVITEE_URI), bare) is SkipReason.NOT_CONFIGURED
    assert await ask(calendly.provider, lead(email=EMAIL), bare, deadline=1050.0) is SkipReason.NOT_CONFIGURED


@pytest.mark.parametrize("account", [ACCOUNT, f"https://evil.example/users/{USER}", f"/users/{USER}", USER])
async def test_a_known_user_is_not_requested(account: str) -> None:
    """In whatever form it is stored; it is sent in the canonical one."""
    async with arena(Calendly, name=NAME, enter=enter(account=account)) as calendly:
        calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)

        await calendly.only(lead(email=EMAIL))

    assert calendly.operations == ["scheduled_events", "invitees"]


@pytest.mark.parametrize("account", [None, "https://api.calendly.com/organizations/ORG"])
async def test_an_unknown_user_is_requested_once(account: str | None) -> None:
    """Then the look-up names its real first call."""
    async with arena(Calendly, name=NAME, enter=enter(account=account)) as calendly:
        before = calendly.provider.lookup(lead(email=EMAIL), calendly.workspace)
        for _ in range(2):
            await calendly.answer(lead(email=EMAIL))
        after = calendly.provider.lookup(lead(email=EMAIL), calendly.workspace)

    assert [each.operation for each in (before, after) if isinstance(each, Lookup)] == [
        Operation.CURRENT_USER,
        Operation.SCHEDULED_EVENTS,
    ]
    assert calendly.operations == ["current_user", "scheduled_events", "scheduled_events"]


async def test_an_active_booking_costs_two_calls(calendly: Arena) -> None:
    """The invitee decides, the event knows the time."""
    invitee = calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)

    await calendly.only(lead(booking_id=calendly.world.calendly.uri(invitee.id), email=EMAIL))

    assert calendly.operations == ["invitee", "scheduled_event"]


@pytest.mark.parametrize("field", ['status="waitlisted"', 'status="Active"'])
async def test_a_status_in_an_unknown_word_is_reported_as_unknown(calendly: Arena, field: str) -> None:
    """The appointment is there; the plan decides that nothing follows."""
    invitee = calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    calendly.switch(FaultKind.SET_FIELD, field)

    found = await calendly.only(lead(booking_id=calendly.world.calendly.uri(invitee.id), email=EMAIL))

    is_known = field.endswith('"Active"')
    assert found.status is (AppointmentStatus.CONFIRMED if is_known else AppointmentStatus.UNKNOWN)


async def test_a_group_event_is_decided_by_the_persons_place(calendly: Arena) -> None:
    """It stays active when one leaves it."""
    state = calendly.world.calendly
    event = state.add_event(USER, starts_at=TOMORROW, limit=3)
    gone = state.invite(event.id, email=EMAIL)
    stays = state.invite(event.id, email="bob@example.com")
    state.cancel(gone.id)

    by_event = await calendly.only(lead(booking_id=EVENT_URI.format(event.id), email=EMAIL))
    by_email = await calendly.only(lead(email=EMAIL))
    other = await calendly.only(lead(booking_id=EVENT_URI.format(event.id), email="bob@example.com"))

    assert by_event.status is by_email.status is AppointmentStatus.CANCELED
    assert (other.id, other.status) == (state.uri(stays.id), AppointmentStatus.CONFIRMED)


async def test_without_an_address_only_a_single_invitee_can_be_the_lead(calendly: Arena) -> None:
    """Of several, none is guessed."""
    state = calendly.world.calendly
    event = state.add_event(USER, starts_at=TOMORROW, limit=3)
    single = state.invite(event.id, email=EMAIL)
    subject = lead(booking_id=EVENT_URI.format(event.id))
    first = await calendly.only(subject)
    state.invite(event.id, email="bob@example.com")

    assert first.id == state.uri(single.id)
    assert await calendly.ask(subject) is SkipReason.NO_IDENTITY


async def test_a_group_event_in_which_the_lead_has_no_place_proves_nothing(calendly: Arena) -> None:
    """Its places are other people's: neither reported nor absent."""
    state = calendly.world.calendly
    event = state.add_event(USER, starts_at=TOMORROW, limit=3)
    for email in ("bob@example.com", "eve@example.com"):
        state.invite(event.id, email=email)

    answer = await calendly.answer(lead(booking_id=EVENT_URI.format(event.id), email=EMAIL))

    assert (answer.appointments, answer.absent) == ((), frozenset())
    assert answer.unverified is Unverified.OTHER_PERSON


@pytest.mark.parametrize("email", [EMAIL, None])
async def test_a_canceled_group_event_is_canceled_for_the_lead(calendly: Arena, email: str | None) -> None:
    """Whichever of its places the lead has."""
    state = calendly.world.calendly
    event = state.add_event(USER, starts_at=TOMORROW, limit=3)
    for other in ("bob@example.com", "eve@example.com"):
        state.cancel(state.invite(event.id, email=other).id)

    found = await calendly.only(lead(booking_id=EVENT_URI.format(event.id), email=email))

    assert (found.id, found.status) == (EVENT_URI.format(event.id), AppointmentStatus.CANCELED)


@pytest.mark.parametrize("ending", ["confirmed", "canceled", "moved"])
async def test_the_only_invitee_of_a_stored_event_is_the_booking_with_any_address(calendly: Arena, ending: str) -> None:
    """People book with another address than the one that is known of them."""
    state = calendly.world.calendly
    invitee = state.add_booking(USER, email="ann@home.example", starts_at=TOMORROW)
    later = TOMORROW + timedelta(days=1)
    if ending == "canceled":
        state.cancel(invitee.id)
    elif ending == "moved":
        state.reschedule(invitee.id, later)

    answer = await calendly.answer(lead(booking_id=EVENT_URI.format(invitee.event_id), email=EMAIL))

    found = {each.status: each.starts_at for each in answer.appointments}
    assert (
        found
        == {
            "confirmed": {AppointmentStatus.CONFIRMED: TOMORROW},
            "canceled": {AppointmentStatus.CANCELED: TOMORROW},
            "moved": {AppointmentStatus.RESCHEDULED: TOMORROW, AppointmentStatus.CONFIRMED: later},
        }[ending]
    )
    assert answer.unverified is None


async def test_a_canceled_event_is_canceled_for_all_invitees(calendly: Arena) -> None:
    """Also where an invitee still says active."""
    state = calendly.world.calendly
    invitee = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    state.cancel(invitee.id)
    state.invitees[invitee.id] = replace(state.invitees[invitee.id], cancellation=None)

    found = await calendly.only(lead(booking_id=state.uri(invitee.id)))

    assert (found.status, found.canceled_at) == (AppointmentStatus.CANCELED, NOW)
