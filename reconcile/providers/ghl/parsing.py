"""Parses GHL's responses: one pure function for each kind of decoded body."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from itertools import chain
from typing import Any

from reconcile.domain.appointment import CANCELED_STATUSES, Appointment, AppointmentStatus
from reconcile.domain.ids import AppointmentId, Operation, ProviderName
from reconcile.errors import ContractFault
from reconcile.providers import fields
from reconcile.providers.fields import JsonBody

_STATUSES = {
    "new": AppointmentStatus.CONFIRMED,
    "confirmed": AppointmentStatus.CONFIRMED,
    "active": AppointmentStatus.CONFIRMED,
    "cancelled": AppointmentStatus.CANCELED,
    "canceled": AppointmentStatus.CANCELED,
    "deleted": AppointmentStatus.CANCELED,
    "showed": AppointmentStatus.SHOWED,
    "completed": AppointmentStatus.SHOWED,
    "noshow": AppointmentStatus.NO_SHOW,
    "rescheduled": AppointmentStatus.RESCHEDULED,
    "invalid": AppointmentStatus.INVALID,
}
_STATUS_KEYS = ("appointmentStatus", "appoinmentStatus", "status")  # sic: GHL has sent both spellings
_VAGUE = "booked"
_IGNORED = str.maketrans("", "", " _-")
_RECURRENCE = ("isRecurring", "rrule", "masterEventId")
_ONCE = (None, False, "", "false")
_TIMES = ("startTime", "endTime", "dateAdded", "dateUpdated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An appointment in GHL, with its location and contact.

    *is_vague*: the status is unknown because GHL's only value was ``booked``, as in lists. *is_deleted*: a field says
    so, which the list of a contact does not have.
    """

    appointment: Appointment
    location_id: str | None = None
    contact_id: str | None = None
    is_vague: bool = False
    is_deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact in GHL; *emails* are lower-case."""

    id: str
    location_id: str | None
    emails: frozenset[str]


def read_appointment(content: object, *, zone: tzinfo | None = None) -> Record:
    """Read one appointment in any of the three envelopes; *zone* applies to times without an offset."""
    body = _body(content, Operation.APPOINTMENT, "GHL appointment")
    return _record(body, _without_envelope(body.mapping()), zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAppointments:
    """A contact's appointments; *faults* are of unreadable records."""

    records: tuple[Record, ...]
    faults: tuple[ContractFault, ...] = ()


def read_contact_appointments(content: object, *, zone: tzinfo | None = None) -> ContactAppointments:
    """Read a contact's appointments under either key of the list; *zone* applies to times without an offset.

    Broken records become faults of the result. Raises ContractFault if no record can be read.
    """
    body = _body(content, Operation.CONTACT_APPOINTMENTS, "GHL contact appointments")
    lists = _lists(body.mapping())
    if not lists:
        raise body.missing("events")
    values = [value for each in lists for value in each]
    records, faults = body.read_each(values, lambda raw: _record(body, raw, zone), of="events")
    return ContactAppointments(records=tuple(records), faults=tuple(faults))


def read_calendars(content: object) -> tuple[str, ...]:
    """Read the ids of a location's calendars."""
    body = _body(content, Operation.CALENDARS, "GHL calendars")
    return tuple(body.id(each) for each in body.items("calendars"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEvents:
    """Sought appointments of a calendar.

    *unclear* are the contacts of appointments that could not be read, None for one whose contact is not known either.
    """

    records: tuple[Record, ...]
    unclear: frozenset[str | None]


def read_calendar_events(
    content: object, *, is_sought: Callable[[Mapping[str, Any]], bool], zone: tzinfo | None = None
) -> CalendarEvents:
    """Read the appointments of a calendar that are sought.

    Recurring appointments, whose id may mean several occurrences, and broken records are left out.
    """
    body = _body(content, Operation.CALENDAR_EVENTS, "GHL calendar events")
    listed = body.mapping().get("events")
    if not isinstance(listed, list):
        raise body.missing("events")
    unclear: set[str | None] = set()

    def read(raw: Mapping[str, Any]) -> Record | None:
        contact_id = fields.identifier(raw.get("contactId"))
        is_recurring = any(raw.get(key) not in _ONCE for key in _RECURRENCE)
        try:
            body.id(raw)
            record = _record(body, raw, zone) if is_sought(raw) and not is_recurring else None
        except ContractFault:
            unclear.add(contact_id)
            raise
        if is_recurring:
            unclear.add(contact_id)
        return record

    records = tuple(filter(None, body.read_valid(listed, read, of="events")))
    return CalendarEvents(records=records, unclear=frozenset(unclear))


def needs_zone(content: object) -> bool:
    """Return whether a response with one or many appointments has a time without an offset."""
    if not isinstance(content, Mapping):
        return False
    lists = _lists(content) or [[_without_envelope(content)]]
    return any(
        fields.is_naive(each.get(key))
        for each in chain.from_iterable(lists)
        if isinstance(each, Mapping)
        for key in _TIMES
    )


def read_contacts(content: object) -> tuple[tuple[Contact, ...], int]:
    """Read the contacts of a search, without deleted ones, and the number of matches that are not listed."""
    body = _body(content, Operation.CONTACT_SEARCH, "GHL contact search")
    listed = body.items("contacts")
    total = body.mapping().get("total")
    beyond = total - len(listed) if isinstance(total, int) else 0
    contacts = tuple(
        Contact(
            id=body.id(each),
            location_id=fields.identifier(each.get("locationId")),
            emails=frozenset(_addresses(each)),
        )
        for each in listed
        if not _is_deleted(each)
    )
    return contacts, max(0, beyond)


def read_time_zone(content: object) -> str:
    """Read the name of a location's time zone."""
    body = _body(content, Operation.LOCATION, "GHL location")
    whole = body.mapping()
    inner = whole.get("location")
    name = fields.text((inner if isinstance(inner, Mapping) else whole).get("timezone"))
    if name is None:
        raise body.missing("time zone")
    return name


def status_of(raw: Mapping[str, Any]) -> AppointmentStatus | None:
    """Return the status of a raw appointment; None if none of its status fields has a value.

    An unlisted value is UNKNOWN. So is ``booked`` as the only value: the documented example has it next to the
    misspelled field with the real status, so alone it does not mean that the booking is confirmed.
    """
    if _is_deleted(raw):
        return AppointmentStatus.CANCELED
    words = _status_words(raw)
    word = next((each for each in words if each != _VAGUE), _VAGUE)
    return _STATUSES.get(word, AppointmentStatus.UNKNOWN) if words else None


def _is_deleted(raw: Mapping[str, Any]) -> bool:
    return fields.is_true(raw.get("deleted"))


def _status_words(raw: Mapping[str, Any]) -> list[str]:
    return [word.lower().translate(_IGNORED) for key in _STATUS_KEYS if (word := fields.text(raw.get(key)))]


def _lists(content: Mapping[str, Any]) -> list[list[Any]]:
    """Return the lists of appointments in a response; GHL uses two keys."""
    return [listed for key in ("events", "appointments") if isinstance(listed := content.get(key), list)]


def _body(content: object, operation: Operation, noun: str) -> JsonBody:
    return JsonBody(content, ProviderName.HIGHLEVEL, operation, noun)


def _without_envelope(content: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("event", "appointment"):
        if isinstance(inner := content.get(key), Mapping):
            return inner
    return content


def _record(body: JsonBody, raw: Mapping[str, Any], zone: tzinfo | None) -> Record:
    appointment_id = body.id(raw)
    status = status_of(raw)
    if status is None:
        raise body.missing("status")
    is_canceled = status in CANCELED_STATUSES
    starts_at, ends_at = body.span(raw, "startTime", "endTime", zone=zone)
    return Record(
        appointment=Appointment(
            id=AppointmentId(appointment_id),
            provider=ProviderName.HIGHLEVEL,
            status=status,
            starts_at=starts_at,
            ends_at=ends_at,
            canceled_at=body.optional_instant(raw, "dateUpdated", called="update time", zone=zone)
            if is_canceled
            else None,
            created_at=body.optional_instant(raw, "dateAdded", called="creation time", zone=zone),
        ),
        location_id=fields.identifier(raw.get("locationId")),
        contact_id=fields.identifier(raw.get("contactId")),
        is_vague=status is AppointmentStatus.UNKNOWN and set(_status_words(raw)) == {_VAGUE},
        is_deleted=_is_deleted(raw),
    )


def _addresses(raw: Mapping[str, Any]) -> Iterable[str]:
    """Return a contact's e-mail addresses; additional ones are texts, or objects with a text."""
    additional = raw.get("additionalEmails")
    for each in (raw.get("email"), *(additional if isinstance(additional, list) else ())):
        if address := fields.text(each.get("email") if isinstance(each, Mapping) else each):
            yield address.strip().lower()
