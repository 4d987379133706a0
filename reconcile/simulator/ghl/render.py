"""Renders GHL's bodies from records, in every variant that its documents and clients have."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from reconcile.simulator.faults.effects import UNKNOWN_FIELDS, alter
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.records import GhlAppointment, GhlContact, Location
from reconcile.simulator.wire import Json

PHONE = "+15005550006"
TRACE_ID = "b04c48fc-1e16-4f8b-9bac-3334d3f0399a"
_CAMEL = {"noshow": "noShow", "cancelled": "Cancelled"}
_SPACED = {"noshow": "no show"}


def single_appointment(record: GhlAppointment, location: Location, effects: Effects, *, declares_deleted: bool) -> Json:
    """Return the body of one appointment in the active envelope."""
    body = _appointment(record, location.zone, effects, time_format="iso", declares_deleted=declares_deleted)
    envelope = effects.get(FaultKind.ENVELOPE, "event")
    return around(dict(body) if envelope == "flat" else {str(envelope): body}, effects)


def listed_appointments(
    records: Sequence[GhlAppointment],
    location: Location,
    effects: Effects,
    *,
    time_format: str,
    declares_deleted: bool = False,
) -> Json:
    """Return a list of appointments, with times without a zone in a contact's list and full ones in a calendar's."""
    hides = effects.get(FaultKind.LIST_HIDES, "nothing" if declares_deleted else "deleted")
    events = [
        _appointment(each, location.zone, effects, time_format=time_format, declares_deleted=declares_deleted)
        for each in records
        if not _hidden(each, str(hides))
    ]
    return around({"events": events}, effects)


def listed_calendars(calendar_ids: Sequence[str], location: Location, effects: Effects) -> Json:
    """Return a location's calendars, with the fields that clients read."""
    calendars = [
        alter(
            {
                "id": calendar_id,
                "locationId": location.id,
                "name": "Example Calendar",
                "isActive": True,
                "eventType": "RoundRobin_OptimizeForAvailability",
                "slotDuration": 30,
            },
            effects,
            id_key="id",
        )
        for calendar_id in calendar_ids
    ]
    return around({"calendars": calendars}, effects)


def contact_found(record: GhlContact, effects: Effects) -> Json:
    """Return a contact in the form of the search, with its cursor."""
    return alter(
        {
            "id": record.id,
            "locationId": record.location_id,
            "email": record.email,
            "additionalEmails": _additional_emails(record, effects),
            "phone": PHONE,
            "phoneLabel": "Mobile",
            "additionalPhones": [],
            "firstNameLowerCase": record.first_name.lower(),
            "lastNameLowerCase": record.last_name.lower(),
            "type": "lead",
            "source": "Website",
            "dnd": False,
            "tags": ["tag-1"],
            "customFields": [],
            "dateAdded": milliseconds(record.added_at),
            "dateUpdated": milliseconds(record.updated_at),
            "validEmail": True,
            "opportunities": [],
            "businessId": None,
            "searchAfter": list(search_key(record)),
        },
        effects,
        id_key="id",
    )


def single_contact(record: GhlContact, location: Location, effects: Effects) -> Json:
    """Return the body of one contact."""
    body: Json = {
        "id": record.id,
        "locationId": record.location_id,
        "name": f"{record.first_name} {record.last_name}".strip(),
        "firstName": record.first_name,
        "lastName": record.last_name,
        "email": record.email,
        "emailLowerCase": record.email.lower(),
        "additionalEmails": _additional_emails(record, effects),
        "timezone": location.zone.key,
        "phone": PHONE,
        "dnd": False,
        "type": "lead",
        "source": "Website",
        "tags": ["tag-1"],
        "customFields": [],
        "dateAdded": milliseconds(record.added_at),
        "dateUpdated": milliseconds(record.updated_at),
    }
    return around({"contact": alter(body, effects, id_key="id")}, effects)


def single_location(record: Location, effects: Effects) -> Json:
    """Return the body of one location, which is read for its time zone."""
    body: Json = {"id": record.id, "name": "Example Location", "country": "US", "timezone": record.zone.key}
    return around({"location": alter(body, effects, id_key="id")}, effects)


def search_key(record: GhlContact) -> tuple[int, str]:
    """Return the search cursor of a contact."""
    return round(record.added_at.timestamp() * 1000), record.id


def milliseconds(at: datetime) -> str:
    """Return an instant as GHL writes it on contacts."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def around(body: Json, effects: Effects) -> Json:
    """Return a body with its additional top-level fields."""
    if effects.get(FaultKind.TRACE_ID) != "off":
        body["traceId"] = TRACE_ID
    if FaultKind.EXTRA_FIELDS in effects:
        body.update(UNKNOWN_FIELDS)
    return body


def _appointment(
    record: GhlAppointment, zone: ZoneInfo, effects: Effects, *, time_format: str, declares_deleted: bool
) -> Json:
    form = str(effects.get(FaultKind.TIME_FORMAT, time_format))
    body: Json = {
        "id": record.id,
        "title": "Appointment with Example",
        "calendarId": record.calendar_id,
        "locationId": record.location_id,
        "contactId": record.contact_id,
        "groupId": "",
        **_status(record.status, effects),
        "assignedUserId": record.user_id,
        "users": [record.user_id],
        "address": "https://meet.example.com/yqp-gogr-wve",
        "notes": "",
        "isRecurring": False,
        "startTime": _instant(record.starts_at, zone, form),
        "endTime": _instant(record.ends_at, zone, form),
        "dateAdded": _instant(record.added_at, zone, form),
        "dateUpdated": _instant(record.updated_at, zone, form),
        "assignedResources": [],
        "createdBy": {"userId": record.user_id, "source": "booking_widget"},
    }
    if declares_deleted:
        body["deleted"] = record.deleted
    return alter(body, effects, id_key="id")


def _additional_emails(record: GhlContact, effects: Effects) -> list[Any]:
    if effects.get(FaultKind.EMAIL_FORM) == "objects":
        return [{"email": each, "emailLabel": "Work"} for each in record.additional_emails]
    return list(record.additional_emails)


def _status(status: str, effects: Effects) -> Json:
    style = effects.get(FaultKind.STATUS_STYLE)
    if style == "camel":
        status = _CAMEL.get(status, status)
    elif style == "spaced":
        status = _SPACED.get(status, status)
    elif style == "upper":
        status = status.upper()
    match effects.get(FaultKind.STATUS_SPELLING):
        case "typo":
            return {"appoinmentStatus": status}
        case "both":
            return {"appointmentStatus": status, "appoinmentStatus": status}
        case "only_status":
            return {"status": status}
        case "vague":
            return {"status": "booked"}
        case "booked":
            return {"status": "booked", "appointmentStatus": "booked", "appoinmentStatus": status}
        case _:
            return {"appointmentStatus": status}


def _instant(at: datetime, zone: ZoneInfo, form: str) -> str:
    if form == "naive":
        return at.astimezone(zone).replace(tzinfo=None).isoformat(" ", timespec="seconds")
    if form == "utc":
        return milliseconds(at)
    return at.astimezone(zone).isoformat(timespec="seconds")


def _hidden(record: GhlAppointment, hides: str) -> bool:
    is_meant = {"deleted": record.deleted, "cancelled": record.status == "cancelled", "all": True}
    return is_meant.get(hides, False)
