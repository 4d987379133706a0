"""Which leads are due, and why others are not. The store has the same rule in SQL; a test compares the two."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.lead import Lead, MismatchKind


class Priority(StrEnum):
    """Hot leads are checked before warm ones."""

    HOT = "hot"
    WARM = "warm"


class NotDue(StrEnum):
    """Why a lead is not checked now."""

    QUARANTINED = "quarantined"
    BACKING_OFF = "backing_off"
    ATTEMPTED_RECENTLY = "attempted_recently"
    FRESH = "fresh"
    """Verified within the stale limit and not urgent."""
    UNVERIFIED = "unverified"
    """Has a booking that was never verified and is not urgent: a backfill checks it."""
    NEVER_ENGAGED = "never_engaged"
    """No booking, no inbound message, no active sequence: nothing to compare."""


START_JITTER = timedelta(seconds=10)
"""How much earlier than its cadence a run may start; without this, a pod that starts a second early skips a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePolicy:
    """The times that decide when a lead is due again."""

    hot: timedelta = timedelta(minutes=1) - START_JITTER
    """Between two attempts at a hot lead."""
    stale: timedelta = timedelta(days=7)
    soon: timedelta = timedelta(hours=24)
    """An appointment that starts within this makes its lead hot."""


def is_hot(lead: Lead, *, now: datetime, policy: DuePolicy) -> bool:
    """Return whether *lead* is urgent: in a sequence, meeting soon, or with a canceled or missing future meeting.

    A canceled or disappeared booking is provisional until its start has passed.
    """
    starts_at, is_called_off = lead.rollup.starts_at, lead.rollup.canceled_at is not None
    is_ahead = starts_at is not None and now <= starts_at
    meets_soon = is_ahead and not is_called_off and starts_at is not None and starts_at < now + policy.soon
    return lead.in_sequence or meets_soon or (is_ahead and is_called_off) or _is_missed(lead, now)


def _is_missed(lead: Lead, now: datetime) -> bool:
    """Return whether the lead's booking was reported as absent or not mentioned, and its start has not passed."""
    state, starts_at = lead.state, lead.rollup.starts_at
    has_disappeared = state.absent_since is not None or state.mismatch is MismatchKind.DISAPPEARED
    return has_disappeared and (starts_at is None or now <= starts_at)


def is_warm(lead: Lead, *, now: datetime, policy: DuePolicy) -> bool:
    """Return whether *lead* has something to compare that was not verified recently, or since its last message."""
    verified_at, wrote_at = lead.state.verified_at, lead.last_inbound_at
    if verified_at is not None and verified_at <= now - policy.stale:
        return True
    has_written = wrote_at is not None and (verified_at is None or verified_at < wrote_at <= now)
    return has_written or (lead.rollup.booking_id is not None and lead.rollup.status is None)


def due(lead: Lead, *, now: datetime, policy: DuePolicy) -> Priority | NotDue:
    """Return the priority with which *lead* is due now, or why it is not due."""
    state = lead.state
    if state.quarantined_at is not None:
        return NotDue.QUARANTINED
    if state.next_attempt_at is not None and state.next_attempt_at > now:
        return NotDue.BACKING_OFF
    hot = is_hot(lead, now=now, policy=policy)
    if not hot and not is_warm(lead, now=now, policy=policy):
        return _at_rest(lead)
    if state.attempted_at is not None and state.attempted_at > now - policy.hot:
        return NotDue.ATTEMPTED_RECENTLY
    return Priority.HOT if hot else Priority.WARM


def _at_rest(lead: Lead) -> NotDue:
    if lead.state.verified_at is not None:
        return NotDue.FRESH
    return NotDue.NEVER_ENGAGED if lead.rollup.booking_id is None else NotDue.UNVERIFIED
