"""The names of things, distinct to the type checker and plain text to everyone else."""

from enum import StrEnum
from typing import NewType

WorkspaceId = NewType("WorkspaceId", str)
LeadId = NewType("LeadId", str)
RunId = NewType("RunId", str)

AppointmentId = NewType("AppointmentId", str)
"""GHL: the event id. Calendly: the invitee URI in its canonical form (see ``reference``)."""


class ProviderName(StrEnum):
    """A calendar system that owns the truth; the value is the one used in reports, tables and breakers."""

    HIGHLEVEL = "ghl"
    CALENDLY = "calendly"


class Operation(StrEnum):
    """A kind of provider call: the unit of blame below a whole provider."""

    APPOINTMENT = "appointment"
    """GHL: one appointment by its id."""
    CONTACT_APPOINTMENTS = "contact_appointments"
    """GHL: a contact's appointments."""
    CONTACT_SEARCH = "contact_search"
    """GHL: contacts by exact e-mail."""
    CALENDARS = "calendars"
    """GHL: the calendars of a location."""
    CALENDAR_EVENTS = "calendar_events"
    """GHL: the appointments of a calendar over a time."""
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
    """Calendly: whose token it is."""
    SWEEP = "sweep"
    """All the calls by which a workspace is listed: they are optional, and have one breaker together."""
