"""The planned change that makes the database agree with the provider."""

from dataclasses import dataclass, field
from enum import StrEnum

from reconcile.domain.appointment import CANCELED_STATUSES, Appointment, AppointmentStatus
from reconcile.domain.ids import AppointmentId, Operation, ProviderName
from reconcile.domain.lead import Lead, LeadStatus, MismatchKind, Rollup
from reconcile.domain.planning.outcome import Outcome


class Unverified(StrEnum):
    """Why a successful look-up does not verify the lead's booking."""

    NOT_MENTIONED = "not_mentioned"
    """The answer does not contain the booking: an empty list, or other bookings."""
    UNKNOWN_STATUS = "unknown_status"
    """It was returned with a status that this version does not know."""
    UNREADABLE_BOOKING_ID = "unreadable_booking_id"
    """The stored id does not have its provider's form, so it cannot be compared with listed ones."""
    UNKNOWN_OWNER = "unknown_owner"
    """No column says which calendar it is of, and the one that its id looks like does not know it."""
    OTHER_PERSON = "other_person"
    """It was returned as another person's."""
    NOT_CONFIRMED = "absence_not_confirmed"
    """It was named absent, and not long enough ago for the first time."""
    NO_CONTROL = "absence_without_control"
    """It was named absent, and no other appointment of the account proves that the provider finds what exists."""
    INCOMPLETE = "incomplete_search"
    """A provider that may have the booking could not be called, or a record of a list could not be read."""
    CONTROL_FAILED = "control_failed"
    """The provider's lists omit existing bookings, so an empty one is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer of a provider about one lead.

    *absent* holds ids that the provider named as not existing; an appointment that is only missing from a list is not
    among them. *unverified* is the adapter's reason why the stored booking is not verified. *replaces_contact*: the
    lead's contact no longer exists, and *contact_id* is the same person's. *preferred* is the provider whose upcoming
    booking counts where several show one.
    """

    appointments: tuple[Appointment, ...] = ()
    absent: frozenset[AppointmentId] = frozenset()
    contact_id: str | None = None
    replaces_contact: bool = False
    unverified: Unverified | None = None
    preferred: ProviderName | None = None
    returned: frozenset[Operation] = field(default=frozenset(), compare=False)
    """Operations that returned an appointment: proof that route, token, location and version are good."""
    silent: frozenset[Operation] = field(default=frozenset(), compare=False)
    """Lists that answered without an appointment that exists and has to be in them."""


class EffectKind(StrEnum):
    """Events for other systems about a change."""

    START_POST_BOOKING_SEQUENCE = "start_post_booking_sequence"
    OPEN_CANCELLATION_TASK = "open_cancellation_task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A follow-up, delivered at least once through the outbox; *key* makes the receiver's work idempotent."""

    kind: EffectKind
    key: str
    appointment_id: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentChange:
    """One appointment row: *before* is None for a new one."""

    before: Appointment | None
    after: Appointment


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All writes to one lead's rows, in one transaction, and only while *lead* has the same values."""

    lead: Lead
    outcome: Outcome
    rollup: Rollup
    status: LeadStatus
    contact_id: str | None
    appointments: tuple[AppointmentChange, ...] = ()
    effects: tuple[Effect, ...] = ()
    mismatch: MismatchKind | None = None
    is_verified: bool = True
    """Whether the values that it was planned from prove the state of the lead's booking."""
    removed: tuple[Appointment, ...] = ()
    """Rows to delete: only an undo of a change that inserted them has any."""

    @property
    def kind(self) -> Outcome:
        """The kind of change, as counted and capped: a booking that is believed to be gone is written as canceled."""
        return Outcome.CANCELED if self.outcome is Outcome.ABSENT else self.outcome

    @property
    def is_restoration(self) -> bool:
        """Whether a lead whose booking was stored as canceled is booked again."""
        return is_restored(self.lead.rollup, self.rollup)


def is_restored(before: Rollup, after: Rollup) -> bool:
    """Return whether the canceled booking is active again."""
    return before.status in CANCELED_STATUSES and after.status is AppointmentStatus.CONFIRMED
