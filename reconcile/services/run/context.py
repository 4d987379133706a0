"""What a run works through, and what its steps are given and return."""

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
from reconcile.services.alerting.notify import Notifier
from reconcile.services.control.mirror import Mirror
from reconcile.services.lookup.context import LookupContext, LookupLimits
from reconcile.services.lookup.limits.time_budget import Stop
from reconcile.services.run.change_guard import ChangeGuard
from reconcile.services.run.counts import Counts

STOP_GRACE = timedelta(seconds=5)
"""How long calls under way may go on after SIGTERM; writing and exit get the other half of ten seconds."""
CUT_OFF_WRITE_TIMEOUT = timedelta(seconds=0.7)
"""How long a run that was cut off waits for the database at each thing that it has yet to tell it."""


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
    follow_ups: FollowUpPolicy = field(default_factory=FollowUpPolicy)
    caps: RunCaps | None = None
    """Above which a kind of change is held; None: never."""
    records_calls: bool = True
    """Whether the ledger keeps what ``reconcile breaker replay`` reads."""
    disagreements: tuple[str, ...] = ()
    """Where the settings are not those that the CronJob was made with."""

    @property
    def lookup_limits(self) -> LookupLimits:
        """The numbers of look-ups."""
        return LookupLimits(
            lead_concurrency=self.lead_concurrency,
            rate_share=self.rate_share,
            list_sample_share=self.list_sample_share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """Up to *limit* leads of one workspace; *after*: in the order of their ids, behind this one.

    *is_first*: the run has not visited the workspace yet, so that the visit is noted also where no lead is due.
    """

    limit: int
    after: LeadId | None = None
    is_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What came of a batch; *last_id* is the cursor for the next page of a whole set, None at the end."""

    last_id: LeadId | None = None
    is_written: bool = False
    counts: Counts = field(default_factory=Counts)
    """Of the leads that were written."""
    stop: StopReason | None = None
    """Why the run is to begin nothing more, if it is."""


class BatchHandler(Protocol):
    """What is done with some leads of one workspace: they are checked, or a plan is carried out."""

    async def __call__(self, workspace: Workspace, batch: BatchRequest, *, context: "RunContext") -> BatchResult:
        """Do it for the leads of *batch*."""
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
    on_change: OnChange | None = None
    """Is told of each change that a dry run plans."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext(LookupContext):
    """What the steps of one run have in common: what was asked for, by which rules, under which lease."""

    id: RunId
    request: RunRequest
    policy: RunPolicy
    deps: Dependencies
    lease: Lease
    guard: ChangeGuard
    recorder: CallRecorder = field(default_factory=CallRecorder)

    @property
    def stop(self) -> Stop:
        """Whether the run is to end early."""
        return self.deps.stop

    async def acquire_workspace_lease(self, workspace: Workspace) -> Lease:
        """Take the lease of *workspace* for what is left of the run; raises LeaseHeld."""
        leases = self.store.leases
        return await leases.acquire(f"workspace:{workspace.id}", holder=self.id, ttl=self.time.lease_ttl)
