"""Every way to look a lead up at either provider, with the requests that it takes."""

from dataclasses import replace
from datetime import timedelta

from reconcile.domain.ids import LeadId
from reconcile.domain.ids import Operation as Op
from reconcile.domain.lead import Lead
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, NOW, TOMORROW, Arena, lead
from tests.providers.calendly.entered import EVENT_URI, USER
from tests.providers.calendly.entered import enter as enter_calendly
from tests.providers.ghl.entered import CONTACT, LOCATION
from tests.providers.ghl.entered import enter as enter_ghl
from tests.providers.steps import Path

DAY = timedelta(days=1)


def _ghl_ahead(ghl: Arena) -> list[Lead]:
    return [lead(booking_id=ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW).id)]


def _ghl_ahead_in_naive_times(ghl: Arena) -> list[Lead]:
    ghl.switch(FaultKind.TIME_FORMAT, "naive")
    return _ghl_ahead(ghl)


def _ghl_canceled(ghl: Arena) -> list[Lead]:
    state = ghl.world.ghl
    state.add_booking(CONTACT, starts_at=TOMORROW)
    return [lead(booking_id=state.add_booking(CONTACT, starts_at=TOMORROW, status="cancelled").id)]


def _ghl_gone(ghl: Arena) -> list[Lead]:
    ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    return [lead(booking_id="gone", contact_id=CONTACT)]


def _ghl_of_a_stranger(ghl: Arena) -> list[Lead]:
    state = ghl.world.ghl
    stranger = state.add_contact(LOCATION, email="bob@example.com")
    state.add_booking(CONTACT, starts_at=TOMORROW)
    return [lead(booking_id=state.add_booking(stranger.id, starts_at=TOMORROW).id, contact_id=CONTACT, email=EMAIL)]


def _ghl_of_a_duplicate(ghl: Arena) -> list[Lead]:
    state = ghl.world.ghl
    twin = state.add_contact(LOCATION, email="other@example.com", additional_emails=[EMAIL])
    state.add_booking(CONTACT, starts_at=TOMORROW)
    canceled = state.add_booking(twin.id, starts_at=TOMORROW, status="cancelled")
    return [lead(booking_id=canceled.id, contact_id=CONTACT, email=EMAIL)]


def _ghl_of_a_contact(ghl: Arena) -> list[Lead]:
    ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    return [lead(contact_id=CONTACT)]


def _ghl_by_address(ghl: Arena) -> list[Lead]:
    state = ghl.world.ghl
    twin = state.add_contact(LOCATION, email="other@example.com", additional_emails=[EMAIL])
    for each in (CONTACT, twin.id):
        state.add_booking(each, starts_at=TOMORROW)
    return [lead(email=EMAIL)]


def _ghl_in_two_calendars(ghl: Arena) -> list[Lead]:
    state = ghl.world.ghl
    other = state.add_calendar(LOCATION)
    booked = [state.add_booking(CONTACT, starts_at=TOMORROW, calendar_id=each) for each in (None, other)]
    return [replace(lead(booking_id=each.id), id=LeadId(each.id)) for each in booked]


def _ghl_in_a_calendar_of_naive_times(ghl: Arena) -> list[Lead]:
    ghl.switch(FaultKind.TIME_FORMAT, "naive")
    return _ghl_ahead(ghl)


def _place(calendly: Arena, address: str = EMAIL, *, days: int = 1) -> str:
    state = calendly.world.calendly
    return state.add_booking(USER, email=address, starts_at=NOW + days * DAY).id


def _calendly_ahead(calendly: Arena) -> list[Lead]:
    return [lead(booking_id=calendly.world.calendly.uri(_place(calendly)))]


def _calendly_canceled(calendly: Arena) -> list[Lead]:
    canceled = _place(calendly)
    calendly.world.calendly.cancel(canceled)
    _place(calendly, days=2)
    return [lead(booking_id=calendly.world.calendly.uri(canceled), email=EMAIL)]


def _calendly_moved_three_times(calendly: Arena) -> list[Lead]:
    state = calendly.world.calendly
    first = last = _place(calendly)
    for step in range(2, 5):
        last = state.reschedule(last, NOW + step * DAY).id
    return [lead(booking_id=state.uri(first))]


def _calendly_event_of_many(calendly: Arena) -> list[Lead]:
    state = calendly.world.calendly
    event = state.add_event(USER, starts_at=TOMORROW, limit=500)
    for number in range(101):
        state.invite(event.id, email=EMAIL, created_at=NOW - timedelta(minutes=number))
    return [lead(booking_id=EVENT_URI.format(event.id), email=EMAIL)]


def _calendly_by_address(calendly: Arena) -> list[Lead]:
    _place(calendly)
    _place(calendly, days=2)
    return [lead(email=EMAIL)]


def _calendly_by_address_of_many(calendly: Arena) -> list[Lead]:
    for number in range(101):
        calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=NOW + timedelta(hours=number + 1))
    return [lead(email=EMAIL)]


def _calendly_listed(calendly: Arena) -> list[Lead]:
    for number in range(101):
        _place(calendly, f"{number}@example.com", days=1)
    return [lead(booking_id=calendly.world.calendly.uri(_place(calendly, days=2)))]


USER_UNKNOWN = enter_calendly(account=None)
GHL_PATHS = [
    Path(name="id", enter=enter_ghl, prepare=_ghl_ahead, operations=[Op.APPOINTMENT]),
    Path(
        name="id, naive times",
        enter=enter_ghl,
        prepare=_ghl_ahead_in_naive_times,
        operations=[Op.APPOINTMENT, Op.LOCATION],
    ),
    Path(
        name="id, canceled",
        enter=enter_ghl,
        prepare=_ghl_canceled,
        operations=[Op.APPOINTMENT, Op.CONTACT_APPOINTMENTS, Op.LOCATION],
    ),
    Path(
        name="id, gone",
        enter=enter_ghl,
        prepare=_ghl_gone,
        operations=[Op.APPOINTMENT, Op.CONTACT_APPOINTMENTS, Op.LOCATION],
    ),
    Path(
        name="id, another person's",
        enter=enter_ghl,
        prepare=_ghl_of_a_stranger,
        operations=[Op.APPOINTMENT, Op.CONTACT_SEARCH, Op.CONTACT_APPOINTMENTS, Op.LOCATION],
    ),
    Path(
        name="id, a duplicate contact's",
        enter=enter_ghl,
        prepare=_ghl_of_a_duplicate,
        operations=[
            Op.APPOINTMENT,
            Op.CONTACT_SEARCH,
            Op.CONTACT_APPOINTMENTS,
            Op.LOCATION,
            Op.CONTACT_APPOINTMENTS,
        ],
    ),
    Path(
        name="contact, naive times",
        enter=enter_ghl,
        prepare=_ghl_of_a_contact,
        operations=[Op.CONTACT_APPOINTMENTS, Op.LOCATION],
    ),
    Path(
        name="address",
        enter=enter_ghl,
        prepare=_ghl_by_address,
        operations=[Op.CONTACT_SEARCH, Op.CONTACT_APPOINTMENTS, Op.LOCATION, Op.CONTACT_APPOINTMENTS],
    ),
    Path(
        name="lists",
        enter=enter_ghl,
        prepare=_ghl_in_two_calendars,
        is_sweep=True,
        operations=[Op.CALENDARS, Op.CALENDAR_EVENTS, Op.CALENDAR_EVENTS],
    ),
    Path(
        name="lists, naive times",
        enter=enter_ghl,
        prepare=_ghl_in_a_calendar_of_naive_times,
        is_sweep=True,
        operations=[Op.CALENDARS, Op.CALENDAR_EVENTS, Op.LOCATION],
    ),
]
CALENDLY_PATHS = [
    Path(
        name="invitee",
        enter=enter_calendly(),
        prepare=_calendly_ahead,
        operations=[Op.INVITEE, Op.SCHEDULED_EVENT],
    ),
    Path(
        name="invitee, canceled",
        enter=USER_UNKNOWN,
        prepare=_calendly_canceled,
        operations=[Op.INVITEE, Op.SCHEDULED_EVENT, Op.CURRENT_USER, Op.SCHEDULED_EVENTS, Op.INVITEES],
    ),
    Path(
        name="invitee, moved three times",
        enter=enter_calendly(),
        prepare=_calendly_moved_three_times,
        operations=[Op.INVITEE, Op.SCHEDULED_EVENT] * 4,
    ),
    Path(
        name="event of many",
        enter=enter_calendly(),
        prepare=_calendly_event_of_many,
        operations=[Op.INVITEES] * 2 + [Op.SCHEDULED_EVENT],
    ),
    Path(
        name="address",
        enter=USER_UNKNOWN,
        prepare=_calendly_by_address,
        operations=[Op.CURRENT_USER, Op.SCHEDULED_EVENTS, Op.INVITEES, Op.INVITEES],
    ),
    Path(
        name="address of many",
        enter=enter_calendly(),
        prepare=_calendly_by_address_of_many,
        operations=[Op.SCHEDULED_EVENTS] * 2 + [Op.INVITEES] * 20,
        tried=[0, 1, 21],
    ),
    Path(
        name="lists",
        enter=enter_calendly(),
        prepare=_calendly_listed,
        is_sweep=True,
        operations=[Op.SCHEDULED_EVENTS] * 2 + [Op.INVITEES],
    ),
    Path(
        name="lists of an unknown user",
        enter=USER_UNKNOWN,
        prepare=_calendly_ahead,
        is_sweep=True,
        operations=[Op.CURRENT_USER, Op.SCHEDULED_EVENTS, Op.INVITEES],
    ),
]
