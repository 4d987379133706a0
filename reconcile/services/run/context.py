"""The dependencies of a run, and what its steps take and return."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Protocol

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.planning.follow_ups import FollowUpPolicy
from reconcile.domain.replay.recorder import CallRecorder
from reconcile.domain.retry_state import BackoffPolicy
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.run.change_hold import RunCaps
from reconcile.domain.run.request import OnChange, OnProgress, RunRequest
from reconcile.domain.run.stop_reason import StopReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import StoreUnavailable
from reconcile.ports import Clock, EffectSink, Provider, Store, Telemetry
from reconcile.services.alerting.heartbeat import Heartbeat
from reconcile.services.alerting.notify import Notifier
from reconcile.services.control.mirror import Mirror
from reconcile.services.lookup.context import LookupContext, LookupLimits
from reconcile.services.lookup.limits.time_budget import Stop
from reconcile.services.run.change_guard import ChangeGuard
from reconcile.services.run.counts import Counts

STOP_GRACE = timedelta(seconds=5)
"""How long in-flight calls may continue after SIGTERM; writing and exit get the other half of ten seconds."""
CUT_OFF_WRITE_TIMEOUT = timedelta(seconds=0.7)
"""How long a run that was cut off waits for each of its last writes to the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """The settings of a run; *budget* is its maximum duration on the monotonic clock."""

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
    follow_ups: FollowUpPolicy = field(default_factory=FollowUpPolicy)
    caps: RunCaps | None = None
    """The most changes of a kind before further ones are held; None holds nothing."""
    records_calls: bool = True
    """Whether the ledger stores the record that ``reconcile breaker replay`` reads."""
    disagreements: tuple[str, ...] = ()
    """Settings that differ from those that the CronJob was created with, one sentence each."""

    @property
    def lookup_limits(self) -> LookupLimits:
        """The limits of look-ups."""
        return LookupLimits(
            lead_concurrency=self.lead_concurrency,
            rate_share=self.rate_share,
            list_sample_share=self.list_sample_share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """Up to *limit* leads of one workspace; with *after*, those with greater ids, in id order.

    *is_first*: the run has not visited the workspace yet, so the visit is stored even if no lead is due. With
    *may_postpone*, leads for which an account has no calls left are looked up in a later batch of this run.
    """

    limit: int
    after: LeadId | None = None
    is_first: bool = False
    may_postpone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """The result of a batch; *last_id* is the cursor for the next page of a whole set, None at the end."""

    last_id: LeadId | None = None
    is_written: bool = False
    counts: Counts = field(default_factory=Counts)
    """Counts of the leads that were written."""
    stop: StopReason | None = None
    """Why the run must start no further work; None if it may continue."""
    resume_after: timedelta | None = None
    """How long until the accounts of the workspace have calls for the leads that wait for some; None without any."""
    waiting: Counts = field(default_factory=Counts)
    """Counts of these leads as deferred; they are not in *counts*."""


class BatchHandler(Protocol):
    """Handles one batch of a workspace: checks its leads, or applies a backfill plan."""

    async def __call__(self, workspace: Workspace, batch: BatchRequest, *, context: "RunContext") -> BatchResult:
        """Handle the leads of *batch*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """The adapters of a run, and the objects through which callers stop or watch it."""

    store: Store
    providers: Mapping[ProviderName, Provider]
    clock: Clock
    random: Random
    telemetry: Telemetry
    sink: EffectSink | None = None
    version: str = ""
    stop: Stop = field(default_factory=Stop)
    on_progress: OnProgress | None = None
    on_change: OnChange | None = None
    """Called with each change that a dry run plans."""
    mirror: Mirror | None = None
    notifier: Notifier | None = None
    heartbeat: Heartbeat | None = None
    batch_handler: BatchHandler | None = None
    """Handles batches instead of ``reconcile_batch``."""

    async def release_lease(self, lease: Lease) -> None:
        """Release *lease*; if the database fails, the lease expires by itself."""
        try:
            async with asyncio.timeout(CUT_OFF_WRITE_TIMEOUT.total_seconds() if self.stop.is_cut_off else None):
                await self.store.leases.release(lease)
        except (StoreUnavailable, TimeoutError):
            self.telemetry.warning("lease.not_released", lease=lease.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext(LookupContext):
    """What the steps of one run share: the request, the policy, the adapters and the lease."""

    id: RunId
    request: RunRequest
    policy: RunPolicy
    deps: Dependencies
    lease: Lease
    guard: ChangeGuard
    recorder: CallRecorder = field(default_factory=CallRecorder)

    @property
    def stop(self) -> Stop:
        """The request to end the run early."""
        return self.deps.stop

    async def acquire_workspace_lease(self, workspace: Workspace) -> Lease:
        """Acquire the lease of *workspace* for the rest of the run; raises LeaseHeld."""
        leases = self.store.leases
        return await leases.acquire(f"workspace:{workspace.id}", holder=self.id, ttl=self.time.lease_ttl)
