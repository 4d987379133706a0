"""A person a workspace hopes to meet: the unit of work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId


class LeadStatus(StrEnum):
    """The part of a lead's status that concerns us; the customer's own words are in the mapping."""

    MEETING_BOOKED = "meeting-booked"
    QUALIFIED = "qualified"
    KEPT = "kept"
    """A status that is never overwritten (customer, closed, do not contact…)."""
    OTHER = "other"


class MismatchKind(StrEnum):
    """How the database and a provider can disagree."""

    UNKNOWN_THERE = "booked_here_unknown_there"
    UNKNOWN_HERE = "booked_there_unknown_here"
    DIFFERS = "status_or_time_differs"
    DISAPPEARED = "disappeared"
    """Booked here, and in no answer; or said to be gone, without a control that proves it."""
    OTHER_PERSON = "booked_for_another_person"
    """The provider has the stored booking as that of another person."""
    OTHER_LEAD = "booked_for_another_lead"
    """The booking that was found is already another lead's: the two have one e-mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """What the lead's own row says of its primary appointment. *booking_id* is as stored: an id or a URI.

    *is_foreign*: the row names a calendar that is none of ours, so no provider here can say anything of the booking.
    """

    booking_id: str | None = None
    provider: ProviderName | None = None
    status: AppointmentStatus | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    canceled_at: datetime | None = None
    is_foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadState:
    """What we remember of our own work on a lead; lives in our side table.

    *absent_since* is the first of the "no such appointment" answers that have not been contradicted since, by the
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
    """How often a booking that was called off here stood again: part of the keys of the follow-ups since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A lead as the database holds it, with its known appointments and our memory of it."""

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
    """Which of its columns cannot be read, and why; these are empty here."""
    has_usable_id: bool = True
    """Whether a statement can name it by its id; where not, nothing can be written of it but a memory of ours."""

    def same_facts(self, other: "Lead") -> bool:
        """Tell whether a plan made from *other* is still about this row: nobody wrote in between."""
        return (
            self.fault is None
            and self.workspace_id == other.workspace_id
            and self.rollup == other.rollup
            and self.status == other.status
            and self.contact_id == other.contact_id
            and self.email == other.email
            and set(self.appointments) == set(other.appointments)
        )


def last_id(leads: Sequence[Lead]) -> LeadId | None:
    """Return the cursor behind a page of *leads*, which come in the order of their ids: None where no page follows."""
    return next((each.id for each in reversed(leads) if each.has_usable_id), None)
