"""Plans of backfills: which leads, what was planned of each, what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanId, Selection
from reconcile.domain.backfill.planned_change import PlannedLead
from reconcile.domain.change import Change
from reconcile.domain.ids import LeadId, ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.lease import Lease
from reconcile.domain.outcome import Outcome
from reconcile.domain.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedCount:
    """How many selected leads of one workspace belong to one provider; *owner* is None where they hold no booking."""

    workspace_id: WorkspaceId
    owner: ProviderName | None
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMove:
    """What planning found out of one lead; *change* is for people to look at. A failure may be tried again."""

    lead_id: LeadId
    state: ItemState
    planned: PlannedLead | None = None
    change: Change | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMarks:
    """What becomes of a plan's leads, written in the same transaction as their rows.

    A lead that turns out to have drifted or to be refused there is marked so.
    """

    plan_id: PlanId
    states: Mapping[LeadId, ItemState]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One lead of a plan, as people look at it."""

    lead_id: LeadId
    workspace_id: WorkspaceId
    state: ItemState
    outcome: Outcome | None = None
    reason: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    planned: PlannedLead | None = None


class Backfills(Protocol):
    """Plans of backfills in a database, shared by all processes that work on them."""

    async def shares(self, selection: Selection) -> Sequence[SelectedCount]:
        """Return how many leads would be selected, by workspace and provider."""
        ...

    async def begin(self, plan: BackfillPlan, selection: Selection) -> bool:
        """Store *plan* with all leads of *selection*, or return False where there is one of that id."""
        ...

    async def reset(self, selection: Selection, *, verified_before: datetime, dry_run: bool = False) -> tuple[int, int]:
        """Move the selected leads' watermarks back so that the schedule takes them as last verified then.

        Return how many are selected, and how many of them were moved, or would be in a *dry_run*.
        The only way in which a watermark moves back. Who is set aside or was verified earlier stays so.
        """
        ...

    async def plan(self, plan_id: PlanId) -> BackfillPlan | None:
        """Return one plan."""
        ...

    async def plans(self, *, limit: int = 20) -> Sequence[BackfillPlan]:
        """Return the last plans, newest first."""
        ...

    async def save(self, plan: BackfillPlan, *, before: BackfillPlan) -> bool:
        """Store all that may change of *plan*, and return True, if it is stored as it was *before*."""
        ...

    async def counts(self, plan_id: PlanId) -> Mapping[ItemState, int]:
        """Return how many of its leads are in each state."""
        ...

    async def left(self, plan_id: PlanId, state: ItemState) -> Mapping[WorkspaceId, int]:
        """Return how many leads are in *state*, by workspace."""
        ...

    async def runs(self, plan_id: PlanId) -> Sequence[RunId]:
        """Return the runs that carried anything of it out, in the order of their ids."""
        ...

    async def moved(self, plan_id: PlanId, *, since: datetime) -> int:
        """Return how many of its leads were planned or applied since then."""
        ...

    async def workspaces(
        self, plan_id: PlanId, state: ItemState, *, now: datetime | None = None
    ) -> Sequence[Workspace]:
        """Return the workspaces that have leads in *state*, in key order; with *now*, those that are to be asked."""
        ...

    async def selected(
        self, plan_id: PlanId, workspace_id: WorkspaceId, *, limit: int, after: LeadId | None = None
    ) -> Sequence[Lead]:
        """Return leads that are to be asked about, in the order of their items, behind a given one."""
        ...

    async def record(
        self, plan_id: PlanId, moves: Sequence[ItemMove], *, run_id: RunId, leases: Sequence[Lease], at: datetime
    ) -> None:
        """Write down what was found out, in one transaction; raise LeaseLost, having written nothing.

        A lead that was planned already stays as it is.
        """
        ...

    async def skip_gone(self, plan_id: PlanId, *, at: datetime) -> int:
        """Skip the leads that no longer exist, or whose workspace does not; return how many."""
        ...

    async def planned(
        self, plan_id: PlanId, workspace_id: WorkspaceId, *, limit: int, after: LeadId | None = None
    ) -> Sequence[PlannedLead]:
        """Return what is planned of a workspace's leads and not carried out, in the order of their items."""
        ...

    async def leads(self, lead_ids: Sequence[LeadId]) -> Mapping[LeadId, Lead]:
        """Return leads by their ids; those that are gone are left out."""
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
