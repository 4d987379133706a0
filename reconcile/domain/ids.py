"""Types of ids: distinct for the type checker, plain text at run time."""

from enum import StrEnum
from typing import NewType

WorkspaceId = NewType("WorkspaceId", str)
LeadId = NewType("LeadId", str)
RunId = NewType("RunId", str)

AppointmentId = NewType("AppointmentId", str)
"""GHL: the event id. Calendly: the invitee URI in its canonical form (see ``reference``)."""


class ProviderName(StrEnum):
    """A calendar system; the value is used in reports, tables and breakers."""

    HIGHLEVEL = "ghl"
    CALENDLY = "calendly"


class Operation(StrEnum):
    """A kind of provider call; each has its own breaker below the provider's."""

    APPOINTMENT = "appointment"
    """GHL: one appointment by its id."""
    CONTACT_APPOINTMENTS = "contact_appointments"
    """GHL: a contact's appointments."""
    CONTACT_SEARCH = "contact_search"
    """GHL: contacts by exact e-mail."""
    CALENDARS = "calendars"
    """GHL: the calendars of a location."""
    CALENDAR_EVENTS = "calendar_events"
    """GHL: the appointments of a calendar in a period."""
    LOCATION = "location"
    """GHL: the location's time zone."""
    SCHEDULED_EVENT = "scheduled_event"
    """Calendly: one event by its UUID."""
    SCHEDULED_EVENTS = "scheduled_events"
    """Calendly: a user's events by an invitee's e-mail."""
    INVITEE = "invitee"
    """Calendly: one invitee by both UUIDs."""
    INVITEES = "invitees"
    """Calendly: the invitees of an event."""
    CURRENT_USER = "current_user"
    """Calendly: the token's user."""
    SWEEP = "sweep"
    """All calls of a bulk listing: they are optional and share one breaker."""
