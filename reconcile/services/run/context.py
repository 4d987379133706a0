"""What one run carries from step to step."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from reconcile.domain.breaker.breaker import BreakerPolicy, BreakerState
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.controls import Controls
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import LeadId, ProviderName, RunId, WorkspaceId
from reconcile.domain.lease import Lease
from reconcile.domain.replay.recorder import CallRecorder
from reconcile.domain.retry_state import BackoffPolicy
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.run.request import OnProgress, RunRequest
from reconcile.domain.run.stop_reason import StopReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import StoreUnavailable
from reconcile.ports import Clock, EffectSink, Provider, Span, Store, Telemetry
from reconcile.services.alerting.notify import Notifier
from reconcile.services.control.mirror import Mirror
from reconcile.services.lookup.bulkhead import EARLY_RELEASES_PER_SLOT, Bulkhead
from reconcile.services.lookup.concurrency import AdaptiveLimiter
from reconcile.services.lookup.control_pool import ControlPool
from reconcile.services.run.counts import Counts

SOFT_SHARE = 0.8
"""No new work after this share of the run's budget: what was begun gets the rest."""
STOP_GRACE = timedelta(seconds=5)
"""How long calls under way may go on after SIGTERM; writing and exit get the other half of ten seconds."""
CUT_OFF_WRITE_TIMEOUT = timedelta(seconds=0.7)
"""How long a run that was cut off waits for the database at each thing that it has yet to tell it."""
LEASE_MARGIN = timedelta(seconds=10)
_MOST_NOTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """The numbers of a run; *budget* is its wall time on the monotonic clock."""

    due: DuePolicy = field(default_factory=DuePolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    backoff: BackoffPolicy = field(default_factory=BackoffPolicy)
    cadence: PlannedCadence = field(default_factory=PlannedCadence)
    budget: timedelta = timedelta(seconds=50)
    workspace_concurrency: int = 8
    lead_concurrency: int = 4
    rate_share: float = 1
    """The share of each account's burst that this run may use up; the rest is always left to others."""
    list_sample_share: float = 0.1
    """In this share of the workspaces that lists settle completely, one lead is looked up by id as well."""
    records_calls: bool = True
    """Whether the ledger keeps what ``reconcile breaker replay`` reads."""
    disagreements: tuple[str, ...] = ()
    """Where the settings are not those that the CronJob was made with."""


class Stop:
    """Whether a run is to end early, and why: the first reason is the one that is told."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self.is_cut_off = False
        self._terminated = asyncio.Event()

    def request(self, reason: StopReason) -> None:
        """Ask that no new work be begun; what was begun may end."""
        self.reason = self.reason or reason

    def terminate(self) -> None:
        """Ask for the end within seconds: SIGTERM, and Kubernetes does not ask twice."""
        self.reason = StopReason.SIGTERM
        self._terminated.set()

    @property
    def is_terminated(self) -> bool:
        """Whether SIGTERM has come: then it is what ended the run, whatever failed on the way out."""
        return self._terminated.is_set()

    def note_lease_lost(self) -> None:
        """Note that another run has taken over: that outranks a deadline, which would have let what was begun end."""
        if not self.is_terminated:
            self.reason = StopReason.LEASE_LOST

    async def wait_for_termination(self) -> None:
        """Wait until the end is asked for."""
        await self._terminated.wait()

    def cut_off(self, task: asyncio.Task[object]) -> None:
        """End *task*, the run, now: what it waits for does not come, and what it has begun is rolled back."""
        self.is_cut_off = True
        task.cancel()

    def takes_back_cancellation(self) -> bool:
        """Tell whether a cancellation that was caught is ours; if so it is over, and how the run ended can be told."""
        task = asyncio.current_task()
        return self.is_cut_off and task is not None and task.uncancel() == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """How far a batch came; *last_id* is the cursor for the next page of a whole set, None at the end."""

    lead_count: int = 0
    last_id: LeadId | None = None


class BatchHandler(Protocol):
    """What is done with some leads of one workspace: they are checked, or a plan is carried out."""

    async def __call__(
        self, workspace: Workspace, *, run: "Run", limit: int, after: LeadId | None = None
    ) -> BatchResult:
        """Do it for up to *limit* leads behind *after*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What a run works through: its adapters, and the hands that reach into it."""

    store: Store
    providers: Mapping[ProviderName, Provider]
    clock: Clock
    random: Random
    telemetry: Telemetry
    sink: EffectSink | None = None
    version: str = ""
    stop: Stop = field(default_factory=Stop)
    on_progress: OnProgress | None = None
    mirror: Mirror | None = None
    notifier: Notifier | None = None
    batch_handler: BatchHandler | None = None
    """In place of checking leads."""

    async def release_lease(self, lease: Lease) -> None:
        """Release *lease*; where the database does not let us, it runs out by itself."""
        try:
            async with asyncio.timeout(CUT_OFF_WRITE_TIMEOUT.total_seconds() if self.stop.is_cut_off else None):
                await self.store.leases.release(lease)
        except (StoreUnavailable, TimeoutError):
            self.telemetry.warning("lease.not_released", lease=lease.name)


@dataclass(slots=True, kw_only=True)
class Run:
    """One run under way."""

    id: RunId
    request: RunRequest
    policy: RunPolicy
    deps: Dependencies
    registry: BreakerRegistry
    lease: Lease
    started_at: datetime
    started: float
    """The monotonic instant of the start, in seconds."""
    span: Span
    bulkhead: Bulkhead
    counts: Counts = field(default_factory=Counts)
    limiters: dict[tuple[ProviderName, bool], AdaptiveLimiter] = field(default_factory=dict)
    control_pool: ControlPool = field(default_factory=ControlPool)
    calls: set[asyncio.Task[object]] = field(default_factory=set)
    visited: set[WorkspaceId] = field(default_factory=set)
    controls: Controls = field(default_factory=Controls)
    planned_count: int = 0
    wrote_since: datetime | None = None
    """Leads that no run has looked at are those that wrote since then, or any."""
    recorder: CallRecorder = field(default_factory=CallRecorder)
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)
    warnings: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    """What the report says besides, without thinking the worse of the run."""

    @property
    def stop(self) -> Stop:
        """Whether the run is to end early."""
        return self.deps.stop

    @property
    def holder(self) -> str:
        """The name under which leases are held."""
        return self.id

    @property
    def lease_ttl(self) -> timedelta:
        """How long a lease lasts from now: all that a killed run held is free again at once, soon after its budget."""
        spent = timedelta(seconds=self.deps.clock.monotonic() - self.started)
        return max(self.policy.budget - spent, timedelta(0)) + LEASE_MARGIN

    @property
    def deadline(self) -> float:
        """The monotonic instant by which calls must have ended."""
        return self.started + self.policy.budget.total_seconds()

    def takes_work(self) -> bool:
        """Tell whether new work may be begun."""
        if self.stop.reason is not None:
            return False
        if self.deps.clock.monotonic() >= self.started + self.policy.budget.total_seconds() * SOFT_SHARE:
            self.stop.request(StopReason.DEADLINE)
            return False
        return True

    def may_deliver(self) -> bool:
        """Tell whether a follow-up may be handed over: also in the last share of the budget, which no look-up gets."""
        return self.stop.reason in {None, StopReason.DEADLINE} and self.deps.clock.monotonic() < self.deadline

    def limiter(self, provider: ProviderName, *, for_sweeps: bool = False) -> AdaptiveLimiter:
        """Return the provider's gate for look-ups, or that for sweeps: how lists fare does not speak for look-ups."""
        key = (provider, for_sweeps)
        if key not in self.limiters:
            limit = self.policy.workspace_concurrency * (1 if for_sweeps else self.policy.lead_concurrency)
            self.limiters[key] = AdaptiveLimiter(
                limit=limit, max_early_releases=EARLY_RELEASES_PER_SLOT * self.policy.workspace_concurrency
            )
        return self.limiters[key]

    async def save_breakers(self) -> None:
        """Store what moved. The memory may fail and the run goes on: what it decided still counts for itself."""
        registry, stored = self.registry, self.deps.store.breakers
        if not registry.unsaved():
            return
        async with self.saving:
            for breaker, expected in registry.unsaved():
                try:
                    if await stored.save(breaker, expected_generation=expected):
                        registry.mark_saved(breaker, self.deps.clock.now())
                        is_open = breaker.state is BreakerState.OPEN
                        tell = self.deps.telemetry.warning if is_open else self.deps.telemetry.event
                        tell(
                            "breaker.moved",
                            breaker=str(breaker.key),
                            state=str(breaker.state),
                            reason=str(breaker.reason),
                            generation=breaker.generation,
                        )
                        if self.deps.mirror is not None:
                            self.deps.mirror.show_transition(breaker, stored)
                    else:
                        theirs = await stored.get(breaker.key)
                        if theirs is not None:
                            registry.adopt(theirs, self.deps.clock.now())
                except StoreUnavailable as error:
                    self.warn("breaker.not_saved", error=str(error))
                    return

    def note(self, text: str) -> None:
        """Say *text* in the report and the log; a report has room for a few such notes."""
        if text in self.notes or len(self.notes) >= _MOST_NOTES:
            return
        self.deps.telemetry.warning("provider.note", text=text)
        self.notes.append(text)

    def warn(self, name: str, **facts: object) -> None:
        """Tell of a trouble that the run survives; only the first of each kind is an event."""
        self.warnings[name] += 1
        if self.warnings[name] == 1:
            self.deps.telemetry.warning(name, **facts)
