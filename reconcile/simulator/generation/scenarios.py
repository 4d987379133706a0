"""What can have happened to a generated lead, and how often each does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from reconcile.simulator.generation.leads import Booking


class Scenario(StrEnum):
    """What happened to a lead's appointment."""

    UNBOOKED = "unbooked"
    CONFIRMED = "confirmed"
    CANCELED = "canceled"
    SHOWED = "showed"
    NO_SHOW = "no_show"
    RESCHEDULED = "rescheduled"
    """GHL: moved under its id; Calendly: a chain of one to three new events."""
    REBOOKED = "rebooked"
    """Canceled, and booked anew without any link between the two."""
    DELETED = "deleted"
    """GHL: for good or softly; Calendly: for good."""
    OTHER_CONTACT = "other_contact"
    """GHL: the appointment hangs on a second contact that has the e-mail as an additional one; Calendly: confirmed."""
    GROUP_CANCELED = "group_canceled"
    """Calendly: one of three places in a group event was canceled; GHL: canceled."""


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
    """Whom a story is about; *slot* is when the first appointment is, *number* varies what the scenario leaves open."""

    email: str
    name: str
    entered_at: datetime
    slot: datetime
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedHistory:
    """What came of it: the first booking, the one that is true now, and the contact that the company knows."""

    first: Booking | None = None
    truth: Booking | None = None
    contact_id: str | None = None
