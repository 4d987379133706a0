"""The next state of a lead: watermarks, backoff after failures, and quarantine."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.lead import LeadState, MismatchKind
from reconcile.domain.planning.outcome import DeferReason, Outcome, SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffPolicy:
    """How long a lead waits after it failed or was skipped."""

    base: timedelta = timedelta(minutes=1)
    cap: timedelta = timedelta(hours=6)
    quarantine_after: int = 10
    skipped: timedelta = timedelta(hours=1)
    not_configured: timedelta = timedelta(minutes=5)
    """Shorter: a skipped lead costs no call, and its token may just have been added."""

    def pause(self, failure_count: int, *, jitter: float) -> timedelta:
        """Return the pause after this many consecutive failures; *jitter* in [0, 1) spreads it over its upper half."""
        full = self.base * float(2 ** min(failure_count - 1, 32))
        return min(full, self.cap) * (0.5 + jitter / 2)


DRIFTS = 3
"""Maximum consecutive drifts that count as a concurrent writer's; more are a failure."""
_STEP = timedelta(milliseconds=1)
"""By how much ``attempted_at`` moves for a lead that keeps its position in the queue, which is ordered by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadAttempt:
    """The result of one attempt.

    *is_verified*: the booking was seen. *is_urgent*: it was not, and the meeting is in the future: look it up again
    immediately. *keeps_place*: the run had no time for it, so it keeps its position in the queue.
    *is_blamed_elsewhere*: a breaker attributes the failure to another party. *is_absent*: the provider said that the
    stored booking does not exist, at *seen_at* by the database's clock. *mismatch*: a difference that was found and not
    repaired. *is_restored*: a canceled booking is active again.
    """

    at: datetime
    outcome: Outcome
    reason: str | None = None
    is_verified: bool = False
    is_urgent: bool = False
    keeps_place: bool = False
    is_blamed_elsewhere: bool = False
    is_absent: bool = False
    seen_at: datetime | None = None
    mismatch: MismatchKind | None = None
    is_restored: bool = False


def next_state(state: LeadState, attempt: LeadAttempt, *, policy: BackoffPolicy, jitter: float) -> LeadState:
    """Return the state of a lead after *attempt*.

    ``attempted_at`` changes with every outcome and never moves back; ``verified_at`` only if the booking was seen. A
    failure that is attributed to another party does not count towards quarantine and causes no backoff.
    """
    at, outcome = attempt.at, attempt.outcome
    attempted_at = max(at, state.attempted_at) if state.attempted_at else at
    if attempt.keeps_place and state.attempted_at:
        attempted_at = min(attempted_at, state.attempted_at + _STEP)
    if outcome is Outcome.DEFERRED:
        after = replace(state, attempted_at=attempted_at)
        return _after_drift(after, at, policy=policy, jitter=jitter) if attempt.reason == DeferReason.DRIFTED else after
    if outcome is Outcome.SKIPPED:
        is_unset = attempt.reason == SkipReason.NOT_CONFIGURED
        pause = policy.not_configured if is_unset else policy.skipped
        return replace(state, attempted_at=attempted_at, next_attempt_at=at + pause, reason=attempt.reason)
    if outcome is Outcome.FAILED and attempt.is_blamed_elsewhere:
        return replace(state, attempted_at=attempted_at, reason=attempt.reason)
    if outcome is Outcome.FAILED:
        count = state.failure_count + 1
        return replace(
            state,
            attempted_at=attempted_at,
            failure_count=count,
            next_attempt_at=at + policy.pause(count, jitter=jitter),
            quarantined_at=at if count >= policy.quarantine_after else None,
            reason=attempt.reason,
        )
    verified_at, next_attempt_at = state.verified_at, None
    if attempt.is_verified:
        verified_at = max(at, state.verified_at) if state.verified_at else at
    elif not attempt.is_urgent:
        next_attempt_at = at + policy.skipped
    is_same_mismatch = attempt.mismatch is not None and attempt.mismatch is state.mismatch
    return LeadState(
        attempted_at=attempted_at,
        verified_at=verified_at,
        next_attempt_at=next_attempt_at,
        reason=None if attempt.is_verified else attempt.reason,
        occurrence=state.occurrence + attempt.is_restored,
        absent_since=(state.absent_since or attempt.seen_at or at) if attempt.is_absent else None,
        mismatch=attempt.mismatch,
        mismatch_at=None if attempt.mismatch is None else (state.mismatch_at if is_same_mismatch else None) or at,
    )


def never_settles(state: LeadState) -> bool:
    """Return whether another drift would reach DRIFTS in a row, which no concurrent writer explains any more."""
    return state.reason == DeferReason.DRIFTED and state.failure_count + 1 >= DRIFTS


def _after_drift(state: LeadState, at: datetime, *, policy: BackoffPolicy, jitter: float) -> LeadState:
    """Count a write that found changed rows; DRIFTS consecutive ones are a failure."""
    count = state.failure_count + 1 if state.reason == DeferReason.DRIFTED else 1
    is_failure = count >= DRIFTS
    return replace(
        state,
        failure_count=count,
        reason=DeferReason.DRIFTED,
        next_attempt_at=at + policy.pause(count, jitter=jitter) if is_failure else state.next_attempt_at,
        quarantined_at=at if count >= policy.quarantine_after else None,
    )
