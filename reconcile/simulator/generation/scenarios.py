"""The scenarios of generated leads, with their weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from reconcile.simulator.generation.leads import Booking


class Scenario(StrEnum):
    """The history of a lead's appointment."""

    UNBOOKED = "unbooked"
    CONFIRMED = "confirmed"
    CANCELED = "canceled"
    SHOWED = "showed"
    NO_SHOW = "no_show"
    RESCHEDULED = "rescheduled"
    """GHL: moved under its id; Calendly: a chain of one to three new events."""
    REBOOKED = "rebooked"
    """Canceled, and booked again without a link between the two."""
    DELETED = "deleted"
    """GHL: permanently or softly; Calendly: permanently."""
    OTHER_CONTACT = "other_contact"
    """GHL: the appointment belongs to a second contact with the e-mail as an additional one; Calendly: confirmed."""
    GROUP_CANCELED = "group_canceled"
    """Calendly: one of three invitees of a group event was canceled; GHL: canceled."""


DEFAULT_MIX: Mapping[Scenario, float] = MappingProxyType(
    {
        Scenario.UNBOOKED: 30,
        Scenario.CONFIRMED: 30,
        Scenario.CANCELED: 10,
        Scenario.SHOWED: 6,
        Scenario.NO_SHOW: 4,
        Scenario.RESCHEDULED: 7,
        Scenario.REBOOKED: 4,
        Scenario.DELETED: 3,
        Scenario.OTHER_CONTACT: 3,
        Scenario.GROUP_CANCELED: 3,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The person of a scenario; *slot* is the start of the first appointment, *number* varies the open details."""

    email: str
    name: str
    entered_at: datetime
    slot: datetime
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedHistory:
    """The result: the first booking, the true one now, and the contact that the company knows."""

    first: Booking | None = None
    truth: Booking | None = None
    contact_id: str | None = None
