"""The state machine of one circuit breaker: an immutable value, and each transition returns a new one."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId


class BreakerState(StrEnum):
    """Closed admits calls, open refuses them, half open admits a few as probes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerScope(StrEnum):
    """The kind of party that a breaker stops."""

    RUN = "run"
    PROVIDER = "provider"
    WORKSPACE = "workspace"


_PROVIDERS = frozenset(ProviderName)
FURTHEST = timedelta(days=31)
"""The furthest valid time of a breaker in the future: a hold lasts at most 30 days, and clocks differ."""


@dataclass(frozen=True, slots=True, order=True)
class BreakerKey:
    """Identifies a breaker.

    *name* is ``run``; a provider (``ghl``) or one of its operations (``ghl/contact_search``); a workspace at one
    provider (``ws-1/ghl``), which trips by itself, or a whole workspace (``ws-1``), which operators name and older
    versions stored.
    """

    scope: BreakerScope
    name: str

    @property
    def workspace_id(self) -> WorkspaceId | None:
        """The workspace of the breaker; None for the run's and a provider's."""
        if self.scope is not BreakerScope.WORKSPACE:
            return None
        return WorkspaceId(self.name.rpartition("/")[0] if self.provider is not None else self.name)

    @property
    def provider(self) -> ProviderName | None:
        """The provider of the breaker; None for the run's and a whole workspace's."""
        match self.scope:
            case BreakerScope.RUN:
                return None
            case BreakerScope.PROVIDER:
                text = self.name.partition("/")[0]
            case BreakerScope.WORKSPACE:
                workspace_id, _, text = self.name.rpartition("/")
                text = text if workspace_id else ""
        return ProviderName(text) if text in _PROVIDERS else None

    @property
    def is_of_sweeps(self) -> bool:
        """Whether it is the breaker of a provider's lists; look-ups replace lists, so nothing stays undone."""
        return self.scope is BreakerScope.PROVIDER and self.name.endswith(f"/{Operation.SWEEP}")

    def is_of_sweeps_at(self, provider: "BreakerKey") -> bool:
        """Return whether it is the breaker of the lists of *provider*, the key of a provider's breaker."""
        return self.is_of_sweeps and self.name.startswith(f"{provider.name}/")

    def __str__(self) -> str:
        return self.scope if self.scope is BreakerScope.RUN else f"{self.scope}:{self.name}"


RUN_KEY = BreakerKey(BreakerScope.RUN, "run")


class BreakerReason(StrEnum):
    """Why a breaker is in its state: CamelCase, as Kubernetes conditions spell reasons."""

    NEVER_TRIPPED = "NeverTripped"
    ERROR_RATE = "ErrorRateExceeded"
    CONTRACT_FAULT = "ContractFault"
    MANY_WORKSPACES = "ManyWorkspacesFailing"
    MASS_ABSENCE = "MassAbsence"
    PROBE_DUE = "ProbeDue"
    PROBE_FAILED = "ProbeFailed"
    PROBE_SUCCEEDED = "ProbeSucceeded"
    RECOVERED = "Recovered"
    BLAMED_ELSEWHERE = "BlamedElsewhere"
    MANUAL_TRIP = "ManualTrip"
    MANUAL_HOLD = "ManualHold"
    MANUAL_RESET = "ManualReset"
    MANUAL_EXPIRED = "ManualExpired"
    UNREADABLE = "Unreadable"
    """The stored breaker is implausible and counts as closed."""


class OverrideKind(StrEnum):
    """The state at which a manual override holds a breaker."""

    HOLD_OPEN = "hold_open"
    HOLD_CLOSED = "hold_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A manual override; it takes precedence over the automatic state until it expires."""

    kind: OverrideKind
    reason: str
    actor: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """The thresholds at which breakers trip and recover.

    *cooldown* is how long a breaker stays open before a probe. The cooldown of a workspace's breaker grows by
    *cooldown_growth* with each failed probe, up to *max_cooldown*. The others keep it: their probes cost three calls.
    """

    error_rate: float = 0.5
    min_checks: int = 5
    min_workspaces: int = 2
    contract_faults: int = 3
    cooldown: timedelta = timedelta(seconds=45)
    cooldown_growth: float = 2.0
    max_cooldown: timedelta = timedelta(minutes=15)
    probes: int = 3
    ramp: tuple[float, ...] = (0.1, 0.5)
    is_enforced: bool = True
    """If false, breakers only report the trips that they would have made (shadow mode)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """Why a breaker opens, with the counts and the run."""

    reason: BreakerReason
    checks: int = 0
    errors: int = 0
    fault: str | None = None
    run_id: RunId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """One breaker. Every transition returns a new value with the next *generation*, which the store compares.

    *stage*: while half open, 0 means probing, *n* that the share ``ramp[n - 1]`` of the work is admitted. *checks* and
    *errors* are the counts of the last trip; *fault* is the error class that caused it, or an operator's reason.
    *opened_at* is the time of the first trip: it is kept through probes and cleared when the breaker closes.
    """

    key: BreakerKey
    state: BreakerState = BreakerState.CLOSED
    generation: int = 0
    reason: BreakerReason = BreakerReason.NEVER_TRIPPED
    since: datetime | None = None
    opened_at: datetime | None = None
    cooldown: timedelta | None = None
    next_probe_at: datetime | None = None
    stage: int = 0
    checks: int = 0
    errors: int = 0
    fault: str | None = None
    tripped_by: RunId | None = None
    override: Override | None = field(default=None)

    def is_plausible(self, now: datetime) -> bool:
        """Return whether none of its times is further in the future than the longest hold lasts."""
        override = (self.override.expires_at,) if self.override else ()
        instants = (self.since, self.opened_at, self.next_probe_at, *override)
        return all(each is None or each - now <= FURTHEST for each in instants)

    def override_kind(self, now: datetime) -> OverrideKind | None:
        """Return the kind of the override in force at *now*, or None."""
        return self.override.kind if self.override and now < self.override.expires_at else None

    def effective_state(self, now: datetime) -> BreakerState:
        """Return the state in effect at *now*; an override takes precedence."""
        match self.override_kind(now):
            case OverrideKind.HOLD_OPEN:
                return BreakerState.OPEN
            case OverrideKind.HOLD_CLOSED:
                return BreakerState.CLOSED
            case None:
                return self.state

    def probe_is_due(self, now: datetime) -> bool:
        """Return whether the cooldown is over and no override is in force."""
        is_open = self.state is BreakerState.OPEN and self.override_kind(now) is None
        return is_open and (self.next_probe_at is None or self.next_probe_at <= now)

    def share(self, policy: BreakerPolicy, now: datetime) -> float:
        """Return the share of the work that is admitted at *now*, from 0 to 1, without probes."""
        match self.effective_state(now):
            case BreakerState.CLOSED:
                return 1.0
            case BreakerState.OPEN:
                return 0.0
            case BreakerState.HALF_OPEN:
                return 0.0 if self.stage == 0 else policy.ramp[min(self.stage, len(policy.ramp)) - 1]

    def trip(self, now: datetime, trip: Trip, *, policy: BreakerPolicy) -> "Breaker":
        """Open the breaker. If it was half open, the cooldown of a workspace's breaker grows."""
        again = self.state is BreakerState.HALF_OPEN and self.cooldown is not None
        cooldown = policy.cooldown
        if again and self.cooldown is not None and self.key.scope is BreakerScope.WORKSPACE:
            cooldown = min(self.cooldown * policy.cooldown_growth, policy.max_cooldown)
        return self._move(
            BreakerState.OPEN,
            trip.reason,
            now,
            opened_at=self.opened_at or now,
            cooldown=cooldown,
            next_probe_at=now + cooldown,
            stage=0,
            checks=trip.checks,
            errors=trip.errors,
            fault=trip.fault or self.fault,
            tripped_by=self.tripped_by if again else trip.run_id,
        )

    def begin_probe(self, now: datetime) -> "Breaker":
        """Become half open to admit a few probes; only from open, and only when a probe is due."""
        if not self.probe_is_due(now):
            return self
        return self._move(BreakerState.HALF_OPEN, BreakerReason.PROBE_DUE, now, stage=0, next_probe_at=None)

    def postpone_probe(self, now: datetime) -> "Breaker":
        """Become open again after probes without a result; the next probe may be made at once."""
        return self._move(BreakerState.OPEN, BreakerReason.PROBE_DUE, now, stage=0, next_probe_at=now)

    def advance(self, now: datetime, *, policy: BreakerPolicy) -> "Breaker":
        """Increase the admitted share after a success while half open; after the last share, close."""
        if self.state is not BreakerState.HALF_OPEN:
            return self
        if self.stage >= len(policy.ramp):
            return self.close(now, reason=BreakerReason.RECOVERED)
        return self._move(
            BreakerState.HALF_OPEN, BreakerReason.PROBE_SUCCEEDED, now, stage=self.stage + 1, since=self.since
        )

    def close(self, now: datetime, *, reason: BreakerReason) -> "Breaker":
        """Close the breaker and clear the counts of its last trip."""
        return Breaker(key=self.key, generation=self.generation + 1, reason=reason, since=now, override=self.override)

    def with_override(self, override: Override, now: datetime, *, reason: BreakerReason) -> "Breaker":
        """Add an override; the automatic state is kept below it and applies again after its end."""
        return replace(self, override=override, reason=reason, generation=self.generation + 1, since=now)

    def drop_expired_override(self, now: datetime) -> "Breaker":
        """Drop an expired override; the automatic state applies again."""
        if self.override is None or self.override_kind(now) is not None:
            return self
        return replace(
            self, override=None, reason=BreakerReason.MANUAL_EXPIRED, generation=self.generation + 1, since=now
        )

    def _move(self, state: BreakerState, reason: BreakerReason, now: datetime, **facts: object) -> "Breaker":
        facts.setdefault("since", now)
        return replace(self, state=state, reason=reason, generation=self.generation + 1, **facts)  # type: ignore[arg-type]
