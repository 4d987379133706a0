"""How a lead's state moves on: two clocks, a growing pause after failures, and quarantine."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.lead import LeadState, MismatchKind
from reconcile.domain.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffPolicy:
    """How long a lead is left alone after it failed or was skipped."""

    base: timedelta = timedelta(minutes=1)
    cap: timedelta = timedelta(hours=6)
    quarantine_after: int = 10
    skipped: timedelta = timedelta(hours=1)

    def pause(self, failure_count: int, *, jitter: float) -> timedelta:
        """Return the pause after the *failure_count*-th failure in a row; *jitter* in [0, 1) spreads it over its upper half."""
        full = self.base * float(2 ** min(failure_count - 1, 32))
        return min(full, self.cap) * (0.5 + jitter / 2)


def next_state(
    state: LeadState,
    *,
    outcome: Outcome,
    reason: str | None,
    at: datetime,
    is_blamed_elsewhere: bool = False,
    absent: bool = False,
    mismatch: MismatchKind | None = None,
    policy: BackoffPolicy,
    jitter: float,
) -> LeadState:
    """Return what is remembered of a lead after *outcome*.

    ``attempted_at`` moves on every outcome and never back; ``verified_at`` on decisive ones only. A failure that a
    breaker blames on somebody else (*is_blamed_elsewhere*) counts no step towards quarantine: the lead did nothing.
    """
    attempted_at = max(at, state.attempted_at) if state.attempted_at else at
    if outcome is Outcome.DEFERRED:
        return replace(state, attempted_at=attempted_at)
    if outcome is Outcome.SKIPPED:
        return replace(state, attempted_at=attempted_at, next_attempt_at=at + policy.skipped, reason=reason)
    if outcome is Outcome.FAILED:
        if is_blamed_elsewhere:
            return replace(state, attempted_at=attempted_at, reason=reason)
        count = state.failure_count + 1
        return replace(
            state,
            attempted_at=attempted_at,
            failure_count=count,
            next_attempt_at=at + policy.pause(count, jitter=jitter),
            quarantined_at=at if count >= policy.quarantine_after else None,
            reason=reason,
        )
    verified_at = max(at, state.verified_at) if state.verified_at else at
    return LeadState(
        attempted_at=attempted_at,
        verified_at=verified_at,
        absent_since=(state.absent_since or at) if absent else None,
        mismatch=mismatch,
        mismatch_at=None if mismatch is None else (state.mismatch_at if mismatch is state.mismatch else None) or at,
    )
