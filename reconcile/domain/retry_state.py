"""How a lead's state moves on: two clocks, a growing pause after failures, and quarantine."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.lead import LeadState, MismatchKind
from reconcile.domain.outcome import Outcome, SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffPolicy:
    """How long a lead is left alone after it failed or was skipped."""

    base: timedelta = timedelta(minutes=1)
    cap: timedelta = timedelta(hours=6)
    quarantine_after: int = 10
    skipped: timedelta = timedelta(hours=1)
    not_configured: timedelta = timedelta(minutes=5)
    """Shorter: it costs no call to look again, and somebody may just have entered the token."""

    def pause(self, failure_count: int, *, jitter: float) -> timedelta:
        """Return the pause after so many failures in a row; *jitter* in [0, 1) spreads it over its upper half."""
        full = self.base * float(2 ** min(failure_count - 1, 32))
        return min(full, self.cap) * (0.5 + jitter / 2)


_STEP = timedelta(milliseconds=1)
"""How far the clock moves of a lead that keeps its place in the line, which is ordered by that clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadAttempt:
    """What came of a lead at an instant.

    *at* may be the start of a long run; *seen_at*, where it differs, is when the answer was there at the latest.
    *keeps_place*: there was no room for it in this run, so it waits on where it stood in the line.
    *is_blamed_elsewhere*: a breaker takes the failure for somebody else's. *is_absent*: the provider does not know the
    stored booking. *mismatch*: a difference that was found and is left standing.
    """

    at: datetime
    outcome: Outcome
    reason: str | None = None
    keeps_place: bool = False
    is_blamed_elsewhere: bool = False
    is_absent: bool = False
    seen_at: datetime | None = None
    mismatch: MismatchKind | None = None


def next_state(state: LeadState, attempt: LeadAttempt, *, policy: BackoffPolicy, jitter: float) -> LeadState:
    """Return what is remembered of a lead after *attempt*.

    ``attempted_at`` moves on every outcome and never back; ``verified_at`` on decisive ones only. A failure that is
    blamed on somebody else brings the lead no nearer to quarantine and does not hold it up: it did nothing.
    """
    at, outcome = attempt.at, attempt.outcome
    attempted_at = max(at, state.attempted_at) if state.attempted_at else at
    if attempt.keeps_place and state.attempted_at:
        attempted_at = min(attempted_at, state.attempted_at + _STEP)
    if outcome is Outcome.DEFERRED:
        return replace(state, attempted_at=attempted_at)
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
    is_same_mismatch = attempt.mismatch is not None and attempt.mismatch is state.mismatch
    return LeadState(
        attempted_at=attempted_at,
        verified_at=max(at, state.verified_at) if state.verified_at else at,
        absent_since=(state.absent_since or attempt.seen_at or at) if attempt.is_absent else None,
        mismatch=attempt.mismatch,
        mismatch_at=None if attempt.mismatch is None else (state.mismatch_at if is_same_mismatch else None) or at,
    )
