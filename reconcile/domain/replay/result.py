"""What a replay comes to: for each breaker what happened, and what would have under other thresholds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.breaker.breaker import BreakerReason
from reconcile.domain.ids import RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The numbers that a replay decides by."""

    error_rate: float
    min_checks: int
    min_workspaces: int
    contract_faults: int
    cooldown: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerTrip:
    """A breaker that opened, having been closed, or would have.

    *after_calls* is how many calls of the run had ended then. *is_shadow*: it happened in shadow mode, so that nothing
    was refused. Not *is_certain*: controls would have decided, and the record holds no call that could stand for them.
    """

    at: datetime
    run_id: RunId
    breaker: str
    reason: BreakerReason | None
    checks: int
    errors: int
    after_calls: int
    is_shadow: bool = False
    is_certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerComparison:
    """One breaker: what happened beside what would have.

    Of the calls that were made, *saved_calls* would have been refused by it: *saved_errors* of them failed, and
    *lost_checks* were sound. *unknown_calls* were refused in fact and would have been made, and in *unknown_runs* it
    held calls back in fact and would not have: nobody knows what they would have come to.
    """

    breaker: str
    trips_happened: int = 0
    trips_replayed: int = 0
    first_happened_at: datetime | None = None
    first_replayed_at: datetime | None = None
    saved_calls: int = 0
    saved_errors: int = 0
    lost_checks: int = 0
    unknown_calls: int = 0
    unknown_runs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTotals:
    """All breakers together; *errors* are those that happened."""

    runs: int = 0
    shadow_runs: int = 0
    """Of these, runs in shadow mode: nothing was refused, so that all is known."""
    unrecorded_runs: int = 0
    """Runs of which no record of calls can be read: they are left out."""
    cut_runs: int = 0
    """Runs that made more calls than are on record."""
    calls: int = 0
    checks: int = 0
    errors: int = 0
    trips_happened: int = 0
    trips_replayed: int = 0
    uncertain_trips: int = 0
    saved_calls: int = 0
    saved_errors: int = 0
    lost_checks: int = 0
    unknown_calls: int = 0
    unknown_runs: int = 0
    controls: int = 0
    """Calls that would have been made again as controls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """A replay of the runs from *since* to *until*; trips are the newest ones, at most so many as were asked for."""

    since: datetime
    until: datetime
    thresholds: Thresholds
    in_force: Thresholds
    totals: ReplayTotals
    breakers: tuple[BreakerComparison, ...] = ()
    happened: tuple[BreakerTrip, ...] = ()
    replayed: tuple[BreakerTrip, ...] = ()
