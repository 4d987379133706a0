"""The domain tables and our side tables: due leads, and writes in batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from reconcile.domain.coordination.lease import Lease
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import AppointmentId, LeadId, RunId, WorkspaceId
from reconcile.domain.lead import Lead, LeadState, MismatchKind
from reconcile.domain.planning.change import Change
from reconcile.domain.planning.outcome import ErrorSignature, Outcome
from reconcile.domain.run.report import Freshness
from reconcile.domain.run.verification_ages import Ages
from reconcile.domain.workspace import Workspace
from reconcile.ports.backfills import PlanMarks


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWorkspaces:
    """The workspaces to visit, longest unvisited first, and the number of those with due leads.

    *waiting_count* is, if there is none to visit, the number with due leads that have to wait.
    """

    workspaces: tuple[Workspace, ...]
    eligible_count: int
    waiting_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadWrite:
    """The writes of one lead's outcome. If the change is refused (*drifted*), *state_if_drifted* is written."""

    lead: Lead
    outcome: Outcome
    state: LeadState
    state_if_drifted: LeadState
    state_if_refused: LeadState
    change: Change | None = None
    signature: ErrorSignature | None = None
    signature_if_refused: ErrorSignature | None = None
    """Written if the database refuses the change; its message is what the database says."""
    signature_if_drifted: ErrorSignature | None = None
    """Set if one more drift counts as a failure and is not deferred again."""
    refusal: str | None = None
    """Why the database refuses the change, once that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWrite:
    """One workspace's batch, written in one transaction under both leases.

    *not_before* delays the workspace (after a 429 or a used-up budget); *counts* is the batch's ledger row: outcome →
    leads. *marks* go to a backfill's plan. *is_visit*: the workspace was visited in its turn. *gives_up* are those of
    *leases* that end with the transaction.
    """

    run_id: RunId
    workspace_id: WorkspaceId
    leases: tuple[Lease, ...]
    started_at: datetime
    finished_at: datetime
    writes: tuple[LeadWrite, ...]
    marks: PlanMarks | None = None
    counts: Mapping[Outcome, int] = field(default_factory=dict)
    not_before: datetime | None = None
    is_visit: bool = True
    gives_up: tuple[Lease, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReceipt:
    """The changes that were not written, while the rest of the batch was.

    *drifted* has all of them: either another writer changed the lead, and ``state_if_drifted`` was written; or, for
    those in *refused* with a clause that says why, the database refuses the value: ``state_if_refused``.
    """

    drifted: frozenset[LeadId] = frozenset()
    refused: Mapping[LeadId, str] = field(default_factory=dict)
    held_up: frozenset[LeadId] = frozenset()
    """Those among *drifted* that were not changed by others: their rows were locked."""
    gave_up: tuple[Lease, ...] = ()
    """The leases that have ended with it."""


class Leads(Protocol):
    """The domain tables and our side tables, read as leads and written as batches."""

    async def due_workspaces(  # noqa: PLR0913 - what narrows a run
        self,
        *,
        now: datetime,
        policy: DuePolicy,
        limit: int,
        only: WorkspaceId | None = None,
        exclude: frozenset[WorkspaceId] = frozenset(),
        shard: Shard | None = None,
        wrote_since: datetime | None = None,
    ) -> DueWorkspaces:
        """Return workspaces that have due leads and are not waiting (``not_before``), longest unvisited first.

        With a *shard*, limit and count apply to it only. *wrote_since*: of leads that no run has seen, only those
        that wrote since then (``Freshness.unseen`` says whether there are others).
        """
        ...

    async def due_leads(  # noqa: PLR0913 - what narrows a run
        self,
        workspace_id: WorkspaceId,
        *,
        now: datetime,
        policy: DuePolicy,
        limit: int,
        after: LeadId | None = None,
        wrote_since: datetime | None = None,
    ) -> Sequence[Lead]:
        """Return due leads, hot before warm, by ``attempted_at`` (nulls first), then id; *wrote_since* as above.

        With *after*, order is by id only and starts after it: the cursor of a dry run, which moves no watermark.
        """
        ...

    async def lead(self, lead_id: LeadId) -> Lead | None:
        """Return one lead with all its state."""
        ...

    async def workspace(self, workspace_id: WorkspaceId) -> Workspace | None:
        """Return one workspace."""
        ...

    async def workspace_count(self) -> int:
        """Return how many active workspaces there are."""
        ...

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Write a batch in one transaction, in key order; raises LeaseLost without writing anything.

        The rows of each change are locked and compared with the values it was planned from (``Lead.same_facts``); a
        lead that differs is not changed and is returned as drifted.
        """
        ...

    async def control_leads(self, workspace_id: WorkspaceId, *, limit: int) -> Sequence[Lead]:
        """Return leads of a workspace with an active booking that was seen, the last seen first."""
        ...

    async def holders(
        self, workspace_id: WorkspaceId, appointment_ids: Sequence[AppointmentId]
    ) -> Mapping[AppointmentId, LeadId]:
        """Return the leads of a workspace that have these bookings in their row; of several the smallest id."""
        ...

    async def quarantined(self, *, workspace_id: WorkspaceId | None = None, limit: int = 100) -> Sequence[Lead]:
        """Return quarantined leads, longest first."""
        ...

    async def release(self, lead_ids: Sequence[LeadId] | None, *, workspace_id: WorkspaceId | None = None) -> int:
        """Release the given leads (None: all, of one workspace if given) from quarantine; return their number."""
        ...

    async def mismatched(self, *, workspace_id: WorkspaceId | None = None, limit: int = 100) -> Sequence[Lead]:
        """Return leads with an unrepaired difference, longest first."""
        ...

    async def mismatch_counts(self) -> Mapping[MismatchKind, int]:
        """Return the number of unrepaired differences of each kind."""
        ...

    async def freshness(self, *, now: datetime, policy: DuePolicy) -> Freshness:
        """Return the age of verification."""
        ...

    async def at_risk_count(self, *, now: datetime, policy: DuePolicy) -> int:
        """Return the number of leads with a meeting within 24 h that were not verified within the last hour."""
        ...

    async def at_risk(self, *, now: datetime, policy: DuePolicy, limit: int) -> Sequence[Lead]:
        """Return those leads, the next meeting first."""
        ...

    async def ages(self, *, now: datetime, policy: DuePolicy, limit: int) -> Ages:
        """Return the age of verification by workspace: the *limit* worst one by one, all others summed."""
        ...

    async def unverified_count(self, *, since: datetime) -> tuple[int, int]:
        """Return the number of leads with a booking that were not verified since then, and of all with a booking."""
        ...
