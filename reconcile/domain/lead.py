"""A lead as stored, with its booking and our own state."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconcile.domain.appointment import CANCELED_STATUSES, Appointment, AppointmentStatus
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId


class LeadStatus(StrEnum):
    """The part of a lead's status that matters here; the customer's values are in the mapping."""

    MEETING_BOOKED = "meeting-booked"
    QUALIFIED = "qualified"
    KEPT = "kept"
    """A status that is never overwritten (customer, closed, do not contact…)."""
    OTHER = "other"


class MismatchKind(StrEnum):
    """The kinds of difference between database and provider."""

    UNKNOWN_THERE = "booked_here_unknown_there"
    UNKNOWN_HERE = "booked_there_unknown_here"
    DIFFERS = "status_or_time_differs"
    DISAPPEARED = "disappeared"
    """Booked in the database, and in no answer; or reported as missing, without a control."""
    OTHER_PERSON = "booked_for_another_person"
    """The provider has the stored booking for another person."""
    OTHER_LEAD = "booked_for_another_lead"
    """The booking already belongs to another lead with the same e-mail address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """The primary appointment as stored in the lead's own row. *booking_id* is an id or a URI.

    *is_foreign*: the row names a calendar that is not supported here, so no provider can say anything about it.
    """

    booking_id: str | None = None
    provider: ProviderName | None = None
    status: AppointmentStatus | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    canceled_at: datetime | None = None
    is_foreign: bool = False

    def is_past(self, now: datetime) -> bool:
        """Return whether the booking was called off or is over."""
        ends_at = self.ends_at or self.starts_at
        return self.status in CANCELED_STATUSES or (ends_at is not None and ends_at <= now)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadState:
    """Our own state of a lead, stored in our side table.

    *absent_since* is the time of the first "no such appointment" answer that was not contradicted since, by the
    database's clock. *reason* says why the last look-up failed, was skipped or verified nothing.
    """

    attempted_at: datetime | None = None
    verified_at: datetime | None = None
    next_attempt_at: datetime | None = None
    failure_count: int = 0
    quarantined_at: datetime | None = None
    reason: str | None = None
    absent_since: datetime | None = None
    mismatch: MismatchKind | None = None
    mismatch_at: datetime | None = None
    occurrence: int = 0
    """How often a canceled booking became active again: part of the keys of later follow-ups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A lead as stored in the database, with its known appointments and our own state."""

    id: LeadId
    workspace_id: WorkspaceId
    email: str | None = field(default=None, repr=False)
    contact_id: str | None = None
    status: LeadStatus = LeadStatus.OTHER
    rollup: Rollup = field(default_factory=Rollup)
    appointments: tuple[Appointment, ...] = ()
    in_sequence: bool = False
    last_inbound_at: datetime | None = None
    state: LeadState = field(default_factory=LeadState)
    fault: str | None = None
    """Its unreadable columns with the reason; their values are empty here."""
    has_usable_id: bool = True
    """Whether a statement can select it by its id; if not, only our own state of it is written."""

    def same_subject(self, other: "Lead") -> bool:
        """Return whether this row is about the same lead and booking as *other*, which was looked up."""
        return (
            self.fault is None
            and self.workspace_id == other.workspace_id
            and self.contact_id == other.contact_id
            and self.email == other.email
            and self.rollup == other.rollup
        )

    def same_facts(self, other: "Lead") -> bool:
        """Return whether both rows have the same values of those that a plan depends on."""
        return (
            self.same_subject(other)
            and self.status == other.status
            and set(self.appointments) == set(other.appointments)
        )


def last_id(leads: Sequence[Lead]) -> LeadId | None:
    """Return the cursor for the page after *leads*, which are sorted by id; None if it is the last page."""
    return next((each.id for each in reversed(leads) if each.has_usable_id), None)
