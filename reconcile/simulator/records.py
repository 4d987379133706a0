"""The providers' objects as frozen records: a change replaces the record."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A GHL sub-account; faults and counters refer to it by *workspace*."""

    id: str
    token: str
    workspace: str
    zone: ZoneInfo
    calendar_id: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GhlContact:
    """A person in a GHL location; several may share an e-mail address."""

    id: str
    location_id: str
    email: str
    additional_emails: tuple[str, ...]
    first_name: str
    last_name: str
    added_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GhlAppointment:
    """An appointment in a GHL calendar; *status* is in GHL's spelling, *deleted* marks a soft delete."""

    id: str
    location_id: str
    contact_id: str
    calendar_id: str
    user_id: str
    status: str
    starts_at: datetime
    ends_at: datetime
    added_at: datetime
    updated_at: datetime
    deleted: bool = False


class SubscriptionPlan(StrEnum):
    """A Calendly user's plan, which decides the published request limit."""

    FREE = "free"
    PAID = "paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendlyUser:
    """A Calendly user; *is_admin* allows reads over the whole organization."""

    id: str
    organization_id: str
    token: str
    workspace: str
    email: str
    name: str
    time_zone: str
    created_at: datetime
    plan: SubscriptionPlan = SubscriptionPlan.PAID
    is_admin: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Who canceled an event or an invitee."""

    canceled_by: str
    canceler_type: str
    created_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendlyEvent:
    """A Calendly scheduled event; with *limit* above one it is a group event."""

    id: str
    user_id: str
    event_type_id: str
    name: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    updated_at: datetime
    limit: int = 1
    cancellation: Cancellation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendlyInvitee:
    """An invitee of a Calendly event; *old* and *new* are ids of invitees, the two ends of a reschedule."""

    id: str
    event_id: str
    email: str
    name: str
    created_at: datetime
    updated_at: datetime
    cancellation: Cancellation | None = None
    rescheduled: bool = False
    old: str | None = None
    new: str | None = None
    no_show_at: datetime | None = None
