"""The follow-ups of a change, each with a key that is derived from its cause; ``ports/outbox.py`` keeps them."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.appointment import CANCELED_STATUSES, AppointmentStatus
from reconcile.domain.evidence.booking_reference import canonical
from reconcile.domain.lead import Lead, Rollup
from reconcile.domain.planning.change import Change, Effect, EffectKind, is_restored
from reconcile.domain.planning.outcome import Outcome


class FollowUpMode(StrEnum):
    """Of which changes follow-ups are created."""

    OFF = "off"
    KNOWN = "known"
    """Of leads that were verified before: what a lead had when it was first checked is no news."""
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpPolicy:
    """*expiry*: older follow-ups are not delivered. *needs_webhook*: those of a run without a webhook are set aside."""

    mode: FollowUpMode = FollowUpMode.ALL
    expiry: timedelta | None = None
    needs_webhook: bool = False

    def apply(self, change: Change) -> Change:
        """Return *change* without the follow-ups that are not wanted of it."""
        is_baseline = change.lead.state.verified_at is None
        is_wanted = self.mode is FollowUpMode.ALL or (self.mode is FollowUpMode.KNOWN and not is_baseline)
        return change if is_wanted or not change.effects else replace(change, effects=())


def follow_ups(lead: Lead, rollup: Rollup, *, outcome: Outcome, now: datetime) -> tuple[Effect, ...]:
    """Return the follow-ups of a change; a meeting in the past has none."""
    if rollup.booking_id is None:
        return ()
    # if the loss of the previous booking was reported, its replacement is reported too
    is_news = outcome is Outcome.BOOKED or (outcome is Outcome.RESCHEDULED and lead.rollup.status in CANCELED_STATUSES)
    if is_news and rollup.starts_at is not None and rollup.starts_at > now:
        return (_effect(EffectKind.START_POST_BOOKING_SEQUENCE, lead, rollup, rollup.starts_at),)
    was_booked = lead.rollup.booking_id is not None and lead.rollup.status not in CANCELED_STATUSES
    if was_booked and rollup.status is AppointmentStatus.CANCELED:
        return (_effect(EffectKind.OPEN_CANCELLATION_TASK, lead, rollup, rollup.canceled_at),)
    return ()


def _effect(kind: EffectKind, lead: Lead, rollup: Rollup, instant: datetime | None) -> Effect:
    """Return the effect with a key from its cause, so that planning it again, even after a crash, delivers it once.

    A booking that is confirmed, canceled and confirmed again has two follow-ups: the occurrence is part of the key.
    """
    appointment_id = canonical(rollup.booking_id or "")
    occurrence = lead.state.occurrence + is_restored(lead.rollup, rollup)
    times = [f"{occurrence}"] if occurrence else []
    instants = [instant.isoformat() if instant else "", *times]
    cause = "\n".join([kind, lead.workspace_id, lead.id, appointment_id, *instants])
    return Effect(kind=kind, key=hashlib.sha256(cause.encode()).hexdigest()[:40], appointment_id=appointment_id)
