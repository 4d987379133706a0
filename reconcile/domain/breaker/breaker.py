"""The state machine that refuses calls to what is broken: a value, evolved by questions of time and outcomes."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId


class BreakerState(StrEnum):
    """Closed lets calls pass, open refuses them, half open lets a few pass to find out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerScope(StrEnum):
    """Whose fault it is taken to be."""

    RUN = "run"
    PROVIDER = "provider"
    WORKSPACE = "workspace"


_PROVIDERS = frozenset(ProviderName)
FURTHEST = timedelta(days=31)
"""No instant of a breaker is further ahead: a hold lasts 30 days at most, and clocks differ."""


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
        """The workspace that it is of, None where it is wider."""
        if self.scope is not BreakerScope.WORKSPACE:
            return None
        return WorkspaceId(self.name.rpartition("/")[0] if self.provider is not None else self.name)

    @property
    def provider(self) -> ProviderName | None:
        """The provider that it is of; None for the run's and a whole workspace's."""
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
        """Whether it is of a provider's lists: without them nothing is left undone."""
        return self.scope is BreakerScope.PROVIDER and self.name.endswith(f"/{Operation.SWEEP}")

    def is_of_sweeps_at(self, provider: "BreakerKey") -> bool:
        """Tell whether it is of the lists of *provider*, the breaker of which is named."""
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
    """What is stored of it can't be true: it counts as closed."""


class OverrideKind(StrEnum):
    """What an operator's hand holds a breaker at."""

    HOLD_OPEN = "hold_open"
    HOLD_CLOSED = "hold_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """An operator's decision; it outranks the automatic state until it expires."""

    kind: OverrideKind
    reason: str
    actor: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """The numbers by which breakers trip and recover.

    *cooldown* is how long a breaker stays open before a probe; a workspace's grows by *cooldown_growth* with each
    failed probe up to *max_cooldown*, a provider's and the run's do not grow: their probes cost three calls.
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
    """Where it is not, breakers only tell of the trips they would have made: shadow mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """Why a breaker is to open, on which figures, and by which run."""

    reason: BreakerReason
    checks: int = 0
    errors: int = 0
    fault: str | None = None
    run_id: RunId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """One breaker. Every transition returns a new value with the next *generation*, which storing it compares.

    *stage* counts while half open: 0 means probing, *n* that the share ``ramp[n - 1]`` of the work is let through.
    *checks* and *errors* are those that the last trip was decided on; *fault* is the error class that caused it, or an
    operator's reason.
    *opened_at* is when trouble began: it stays through probes and ends with the return to closed.
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
        """Tell whether no instant of it is further ahead than the longest hold lasts."""
        override = (self.override.expires_at,) if self.override else ()
        instants = (self.since, self.opened_at, self.next_probe_at, *override)
        return all(each is None or each - now <= FURTHEST for each in instants)

    def override_kind(self, now: datetime) -> OverrideKind | None:
        """Return at what an operator holds the breaker at this instant, or None."""
        return self.override.kind if self.override and now < self.override.expires_at else None

    def effective_state(self, now: datetime) -> BreakerState:
        """Return the state that counts at this instant, an operator's hand first."""
        match self.override_kind(now):
            case OverrideKind.HOLD_OPEN:
                return BreakerState.OPEN
            case OverrideKind.HOLD_CLOSED:
                return BreakerState.CLOSED
            case None:
                return self.state

    def probe_is_due(self, now: datetime) -> bool:
        """Tell whether the cooldown is over and nobody holds the breaker open."""
        is_open = self.state is BreakerState.OPEN and self.override_kind(now) is None
        return is_open and (self.next_probe_at is None or self.next_probe_at <= now)

    def share(self, policy: BreakerPolicy, now: datetime) -> float:
        """Return which share of the work may pass at this instant, from 0 to 1; probes are not counted here."""
        match self.effective_state(now):
            case BreakerState.CLOSED:
                return 1.0
            case BreakerState.OPEN:
                return 0.0
            case BreakerState.HALF_OPEN:
                return 0.0 if self.stage == 0 else policy.ramp[min(self.stage, len(policy.ramp)) - 1]

    def trip(self, now: datetime, trip: Trip, *, policy: BreakerPolicy) -> "Breaker":
        """Open, or open again: then the cooldown of a workspace has grown."""
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
        """Go half open to let a few probes pass; only from open, and only when a probe is due."""
        if not self.probe_is_due(now):
            return self
        return self._move(BreakerState.HALF_OPEN, BreakerReason.PROBE_DUE, now, stage=0, next_probe_at=None)

    def postpone_probe(self, now: datetime) -> "Breaker":
        """Go back to open after probes that taught nothing; the next may be made at once."""
        return self._move(BreakerState.OPEN, BreakerReason.PROBE_DUE, now, stage=0, next_probe_at=now)

    def advance(self, now: datetime, *, policy: BreakerPolicy) -> "Breaker":
        """Widen the share after a success while half open; past the last share, close."""
        if self.state is not BreakerState.HALF_OPEN:
            return self
        if self.stage >= len(policy.ramp):
            return self.close(now, reason=BreakerReason.RECOVERED)
        return self._move(
            BreakerState.HALF_OPEN, BreakerReason.PROBE_SUCCEEDED, now, stage=self.stage + 1, since=self.since
        )

    def close(self, now: datetime, *, reason: BreakerReason) -> "Breaker":
        """Let everything pass again and forget the trouble."""
        return Breaker(key=self.key, generation=self.generation + 1, reason=reason, since=now, override=self.override)

    def with_override(self, override: Override, now: datetime, *, reason: BreakerReason) -> "Breaker":
        """Put an operator's hand on it; what is underneath goes on when the hand is taken off."""
        return replace(self, override=override, reason=reason, generation=self.generation + 1, since=now)

    def drop_expired_override(self, now: datetime) -> "Breaker":
        """Drop an override that has expired; what was underneath counts again."""
        if self.override is None or self.override_kind(now) is not None:
            return self
        return replace(
            self, override=None, reason=BreakerReason.MANUAL_EXPIRED, generation=self.generation + 1, since=now
        )

    def _move(self, state: BreakerState, reason: BreakerReason, now: datetime, **facts: object) -> "Breaker":
        facts.setdefault("since", now)
        return replace(self, state=state, reason=reason, generation=self.generation + 1, **facts)  # type: ignore[arg-type]
