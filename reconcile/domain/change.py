"""What would make the database agree with the provider: the decision, before the deed."""

from dataclasses import dataclass
from enum import StrEnum

from reconcile.domain.appointment import Appointment
from reconcile.domain.ids import AppointmentId
from reconcile.domain.lead import Lead, LeadStatus, MismatchKind, Rollup
from reconcile.domain.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a provider said of one lead.

    *absent* holds ids of which it said decisively that there is no such appointment; an appointment that is merely not
    listed is in neither.
    """

    appointments: tuple[Appointment, ...] = ()
    absent: frozenset[AppointmentId] = frozenset()
    contact_id: str | None = None


class EffectKind(StrEnum):
    """What others are asked to do about a change."""

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
    """All that one lead's rows need, written together or not at all, and only while *lead* still has the same facts."""

    lead: Lead
    outcome: Outcome
    rollup: Rollup
    status: LeadStatus
    contact_id: str | None
    appointments: tuple[AppointmentChange, ...] = ()
    effects: tuple[Effect, ...] = ()
    mismatch: MismatchKind | None = None
    removed: tuple[Appointment, ...] = ()
    """Rows that are to be deleted again: only what takes back a change that has made them."""
