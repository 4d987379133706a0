"""The result of a replay: for each breaker, actual effects and those with other thresholds."""

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
    """The opening of a closed breaker, actual or replayed.

    *after_calls*: the number of calls of the run that had ended. *is_shadow*: it occurred in shadow mode, so no call
    was refused. Not *is_certain*: controls would have decided, and the record has no calls to use in their place.
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
    """Actual and replayed effects of one breaker.

    *saved_calls* were made, and the replay refuses them: *saved_errors* of them failed, *lost_checks* succeeded.
    *unknown_calls* were refused, and the replay admits them; in *unknown_runs* it held calls back that the replay
    admits. The result of these calls is unknown.
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
    """Runs in shadow mode among these: no call was refused, so all results are known."""
    unrecorded_runs: int = 0
    """Runs without a readable call record, which are left out."""
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
    """A replay of the runs from *since* to *until*, with the newest trips."""

    since: datetime
    until: datetime
    thresholds: Thresholds
    in_force: Thresholds
    totals: ReplayTotals
    breakers: tuple[BreakerComparison, ...] = ()
    happened: tuple[BreakerTrip, ...] = ()
    replayed: tuple[BreakerTrip, ...] = ()
