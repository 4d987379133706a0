"""Runs the ordinary run over a store whose leads are a plan's, and whose writes are stored in the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.backfill.plan import ItemState, PlanId
from reconcile.domain.backfill.planned_change import PlannedLead, facts_of, written_down
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerState
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.outcome import Outcome, SkipReason
from reconcile.domain.replay.recorder import CallRecord
from reconcile.domain.run.report import RunReport
from reconcile.ports import (
    BatchReceipt,
    BatchWrite,
    Breakers,
    Clock,
    DueWorkspaces,
    ItemMove,
    LeadWrite,
    Leases,
    Ledger,
    Store,
)
from reconcile.services.run.dry_run import LEAD_READS, ReadOnly


def planning(store: Store, plan_id: PlanId, *, clock: Clock, breakers: "OwnBreakers") -> Store:
    """Return *store* with a plan's leads instead of due ones; their rows are read and never written."""
    return replace(
        store,
        leads=_Planning(store, plan_id, clock=clock),
        leases=OwnLeases(store.leases, plan_id),
        breakers=breakers,
        ledger=OwnLedger(store.ledger, plan_id, is_dry=True),
    )


def carrying_out(store: Store, plan_id: PlanId, *, breakers: "OwnBreakers") -> Store:
    """Return *store* with a plan's workspaces instead of due ones."""
    return replace(
        store,
        leads=PlanLeads(store, plan_id, ItemState.PLANNED),
        leases=OwnLeases(store.leases, plan_id),
        breakers=breakers,
        ledger=OwnLedger(store.ledger, plan_id, is_dry=False),
    )


class PlanLeads(ReadOnly):
    """The port ``Leads`` over the workspaces that have leads of a plan in a state."""

    def __init__(self, store: Store, plan_id: PlanId, state: ItemState) -> None:
        super().__init__(store.leads, reads=LEAD_READS)
        self._write = store.leads.write
        self._backfills = store.backfills
        self._plan_id = plan_id
        self._state = state

    async def due_workspaces(  # noqa: PLR0913 - the port's
        self,
        *,
        now: datetime,
        policy: DuePolicy,  # noqa: ARG002 - what is due is the plan's to say
        limit: int,
        only: WorkspaceId | None = None,  # noqa: ARG002
        exclude: frozenset[WorkspaceId] = frozenset(),
        shard: Shard | None = None,
        wrote_since: datetime | None = None,  # noqa: ARG002
    ) -> DueWorkspaces:
        # a workspace that is only written to does not wait for rate limits
        is_asking = self._state is ItemState.SELECTED
        found = await self._backfills.workspaces(self._plan_id, self._state, now=now if is_asking else None)
        share = [w for w in found if w.id not in exclude and (shard is None or shard.holds(w.id))]
        return DueWorkspaces(workspaces=tuple(share[:limit]), eligible_count=len(share))

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Write the results of a batch to the plan."""
        return await self._write(batch)


class _Planning(PlanLeads):
    """Returns a plan's leads, and stores what would be written."""

    def __init__(self, store: Store, plan_id: PlanId, *, clock: Clock) -> None:
        super().__init__(store, plan_id, ItemState.SELECTED)
        self._clock = clock
        self._not_before: dict[WorkspaceId, datetime] = {}

    async def due_workspaces(self, **asked: Any) -> DueWorkspaces:  # noqa: ANN401 - the port's
        found = await super().due_workspaces(**asked)
        free = tuple(w for w in found.workspaces if not self._waits(w.id))
        return replace(found, workspaces=free, eligible_count=len(free))

    async def due_leads(  # noqa: PLR0913 - the port's
        self,
        workspace_id: WorkspaceId,
        *,
        now: datetime,  # noqa: ARG002 - the port's
        policy: DuePolicy,  # noqa: ARG002
        limit: int,
        after: LeadId | None = None,
        wrote_since: datetime | None = None,  # noqa: ARG002
    ) -> Sequence[Lead]:
        """Return the next leads; none while the account waits, because all would be deferred."""
        if self._waits(workspace_id):
            return ()
        return await self._backfills.selected(self._plan_id, workspace_id, limit=limit, after=after)

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Store a batch's results; deferred leads stay selected."""
        moves = [move for write in batch.writes if (move := _move(write, salt=self._plan_id))]
        at = batch.finished_at
        await self._backfills.record(self._plan_id, moves, run_id=batch.run_id, leases=batch.leases, at=at)
        if batch.not_before is not None:
            self._not_before[batch.workspace_id] = batch.not_before
        return BatchReceipt()

    def _waits(self, workspace_id: WorkspaceId) -> bool:
        not_before = self._not_before.get(workspace_id)
        return not_before is not None and not_before > self._clock.now()


def _move(write: LeadWrite, *, salt: str) -> ItemMove | None:
    if write.outcome is Outcome.DEFERRED:
        return None
    lead, state = write.lead, write.state
    if write.outcome is Outcome.SKIPPED:
        return ItemMove(lead_id=lead.id, state=ItemState.SKIPPED, reason=state.reason or SkipReason.NO_IDENTITY)
    if write.outcome is Outcome.FAILED:
        # A failure that is attributed to another party is not counted.
        is_own = state.failure_count > lead.state.failure_count
        return ItemMove(lead_id=lead.id, state=ItemState.FAILED, reason=state.reason) if is_own else None
    if write.outcome is Outcome.DISAPPEARED:
        return ItemMove(lead_id=lead.id, state=ItemState.SKIPPED, reason=state.reason)
    if state.attempted_at is None:
        raise ValueError("every outcome sets attempted_at")
    planned = PlannedLead(
        lead_id=lead.id,
        workspace_id=lead.workspace_id,
        outcome=write.outcome,
        verified_at=state.attempted_at,
        facts=facts_of(lead, salt=salt),
        change=written_down(write.change) if write.change else None,
        is_absent=state.absent_since is not None,
        mismatch=state.mismatch,
    )
    return ItemMove(lead_id=lead.id, state=ItemState.PLANNED, planned=planned, change=write.change)


class OwnLeases:
    """Leases under the plan's own names: they exclude other backfills, never the schedule."""

    def __init__(self, leases: Leases, plan_id: PlanId) -> None:
        self._leases = leases
        self._prefix = f"backfill:{plan_id}:"

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        return getattr(self._leases, name)

    async def acquire(self, name: str, *, holder: str, ttl: timedelta) -> Lease:
        return await self._leases.acquire(self._prefix + name, holder=holder, ttl=ttl)


class OwnBreakers:
    """A backfill's own breakers: it also obeys the schedule's, and the ones it trips stop only the backfill."""

    def __init__(self, breakers: Breakers | None) -> None:
        self._breakers = breakers
        self._own: dict[BreakerKey, Breaker] = {}

    async def load(self) -> Sequence[Breaker]:
        stored = await self._breakers.load() if self._breakers else ()
        own = {key: each for key, each in self._own.items() if each.state is not BreakerState.CLOSED}
        return list({**{each.key: each for each in stored}, **own}.values())

    async def save(self, breaker: Breaker, *, expected_generation: int) -> bool:
        self._own[breaker.key] = breaker
        return expected_generation >= 0

    async def get(self, key: BreakerKey) -> Breaker | None:
        return self._own.get(key) or (await self._breakers.get(key) if self._breakers else None)


class OwnLedger:
    """Stores a backfill's runs in the ledger; their reports name the plan, and whether anything was written."""

    def __init__(self, ledger: Ledger, plan_id: PlanId, *, is_dry: bool) -> None:
        self._ledger = ledger
        self._facts = {"backfill": plan_id, **({"dryRun": True} if is_dry else {})}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        return getattr(self._ledger, name)

    async def finish_run(
        self, report: RunReport, document: Mapping[str, Any], _calls: CallRecord | None = None
    ) -> None:
        """Store the report alone: what a backfill's own breakers decide says nothing of the schedule's."""
        await self._ledger.finish_run(report, {**document, **self._facts})
