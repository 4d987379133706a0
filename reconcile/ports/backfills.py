"""Backfill plans: their leads, planned changes and results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanId, Selection
from reconcile.domain.backfill.planned_change import PlannedLead
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.ids import LeadId, ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Change
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedCount:
    """The number of selected leads of one workspace and provider; *owner* is None without a booking."""

    workspace_id: WorkspaceId
    owner: ProviderName | None
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMove:
    """The planned result of one lead; *change* is for people to review. A failure may be retried."""

    lead_id: LeadId
    state: ItemState
    planned: PlannedLead | None = None
    change: Change | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMarks:
    """The new state of a plan's leads, written in the same transaction as their rows.

    A lead that has drifted or is refused is marked so.
    """

    plan_id: PlanId
    states: Mapping[LeadId, ItemState]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One lead of a plan, for display."""

    lead_id: LeadId
    workspace_id: WorkspaceId
    state: ItemState
    outcome: Outcome | None = None
    reason: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    planned: PlannedLead | None = None


class Backfills(Protocol):
    """Backfill plans in a database, shared by all processes that work on them."""

    async def shares(self, selection: Selection) -> Sequence[SelectedCount]:
        """Return how many leads would be selected, by workspace and provider."""
        ...

    async def begin(self, plan: BackfillPlan, selection: Selection) -> bool:
        """Store *plan* with all leads of *selection*; return False if a plan of that id exists."""
        ...

    async def reset(self, selection: Selection, *, verified_before: datetime, dry_run: bool = False) -> tuple[int, int]:
        """Move the selected leads' watermarks back, so that the schedule treats them as last verified then.

        Return how many are selected, and how many were moved, or would be in a *dry_run*. This is the only way in which
        a watermark moves back. Quarantined leads, and those verified earlier, are not changed.
        """
        ...

    async def plan(self, plan_id: PlanId) -> BackfillPlan | None:
        """Return one plan."""
        ...

    async def plans(self, *, limit: int = 20) -> Sequence[BackfillPlan]:
        """Return the last plans, newest first."""
        ...

    async def save(self, plan: BackfillPlan, *, before: BackfillPlan) -> bool:
        """Store the mutable fields of *plan* and return True, if the stored plan equals *before*."""
        ...

    async def counts(self, plan_id: PlanId) -> Mapping[ItemState, int]:
        """Return how many of its leads are in each state."""
        ...

    async def left(self, plan_id: PlanId, state: ItemState) -> Mapping[WorkspaceId, int]:
        """Return how many leads are in *state*, by workspace."""
        ...

    async def runs(self, plan_id: PlanId) -> Sequence[RunId]:
        """Return the runs that applied any part of it, in the order of their ids."""
        ...

    async def moved(self, plan_id: PlanId, *, since: datetime) -> int:
        """Return how many of its leads were planned or applied since then."""
        ...

    async def workspaces(
        self, plan_id: PlanId, state: ItemState, *, now: datetime | None = None
    ) -> Sequence[Workspace]:
        """Return the workspaces that have leads in *state*, in key order; with *now*, only those that may be called."""
        ...

    async def selected(
        self, plan_id: PlanId, workspace_id: WorkspaceId, *, limit: int, after: LeadId | None = None
    ) -> Sequence[Lead]:
        """Return leads that have to be looked up, in the order of their items, after a given one."""
        ...

    async def record(
        self, plan_id: PlanId, moves: Sequence[ItemMove], *, run_id: RunId, leases: Sequence[Lease], at: datetime
    ) -> None:
        """Store planned results in one transaction; raises LeaseLost without writing anything.

        A lead that is planned already is not changed.
        """
        ...

    async def skip_gone(self, plan_id: PlanId, *, at: datetime) -> int:
        """Skip the leads that no longer exist, or whose workspace does not; return their number."""
        ...

    async def planned(
        self, plan_id: PlanId, workspace_id: WorkspaceId, *, limit: int, after: LeadId | None = None
    ) -> Sequence[PlannedLead]:
        """Return the planned changes of a workspace that were not applied, in the order of their items."""
        ...

    async def leads(self, lead_ids: Sequence[LeadId]) -> Mapping[LeadId, Lead]:
        """Return leads by their ids; missing ones are left out."""
        ...

    async def items(
        self,
        plan_id: PlanId,
        *,
        states: Sequence[ItemState] = (),
        limit: int = 100,
        after: LeadId | None = None,
    ) -> Sequence[ItemRow]:
        """Return a plan's leads in the order of their ids, those in *states* if any are named."""
        ...
