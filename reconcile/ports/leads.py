"""The domain tables and our side tables: due work out, batches in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from reconcile.domain.change import Change
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import AppointmentId, LeadId, RunId, WorkspaceId
from reconcile.domain.lead import Lead, LeadState, MismatchKind
from reconcile.domain.lease import Lease
from reconcile.domain.outcome import ErrorSignature, Outcome
from reconcile.domain.run.report import Freshness
from reconcile.domain.run.verification_ages import Ages
from reconcile.domain.shard import Shard
from reconcile.domain.workspace import Workspace
from reconcile.ports.backfills import PlanMarks


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWorkspaces:
    """The workspaces to visit, longest unvisited first, and how many had due leads in all.

    *waiting_count* tells, where there is none to visit, how many have due leads and are to be left alone for now.
    """

    workspaces: tuple[Workspace, ...]
    eligible_count: int
    waiting_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadWrite:
    """What one lead's outcome leaves behind. Where the change is refused (*drifted*), *state_if_drifted* is written."""

    lead: Lead
    outcome: Outcome
    state: LeadState
    state_if_drifted: LeadState
    state_if_refused: LeadState
    change: Change | None = None
    signature: ErrorSignature | None = None
    signature_if_refused: ErrorSignature | None = None
    """Its message is what the database says then."""
    signature_if_drifted: ErrorSignature | None = None
    """Set where a lead whose rows have moved once more counts as failed, and is put off no longer."""
    refusal: str | None = None
    """Why the database refuses the change, once that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWrite:
    """One workspace's part of a run, written in one transaction under both leases.

    *not_before* parks the workspace until an instant (after a 429 or a spent budget); *counts* is the batch's ledger
    row: outcome → leads. *marks* go to a backfill's plan. *is_visit*: it was this workspace's turn. *gives_up* are
    those of *leases* that end with the transaction.
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
    """Which changes were not written, while all else of the batch is there.

    *drifted* holds all of them: somebody else wrote the lead since it was read, and it got ``state_if_drifted``; or,
    for those in *refused* with the clause that says why, the database takes no such value: ``state_if_refused``.
    """

    drifted: frozenset[LeadId] = frozenset()
    refused: Mapping[LeadId, str] = field(default_factory=dict)
    held_up: frozenset[LeadId] = frozenset()
    """Those among *drifted* that nobody has changed: their rows could not be written now, and may be later."""
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

        Of a *shard* alone, if one is given: limit and count are the shard's. *wrote_since*: leads that were never
        looked at are asked for only if they wrote since then (``Freshness.unseen`` tells whether there are others).
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

        With *after*, order is by id alone and begins behind it: the cursor of a dry run, which moves no watermark.
        """
        ...

    async def lead(self, lead_id: LeadId) -> Lead | None:
        """Return one lead with all that is known of it."""
        ...

    async def workspace(self, workspace_id: WorkspaceId) -> Workspace | None:
        """Return one workspace."""
        ...

    async def workspace_count(self) -> int:
        """Return how many active workspaces there are."""
        ...

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Write a batch: all of it in one transaction, in key order; raise LeaseLost, having written nothing.

        The rows of each change are locked and compared with the facts it was planned from (``Lead.same_facts``); a
        lead that differs is left as it is and returned as drifted.
        """
        ...

    async def control_leads(self, workspace_id: WorkspaceId, *, limit: int) -> Sequence[Lead]:
        """Return leads of a workspace whose booking stands and was seen, the last seen first."""
        ...

    async def holders(
        self, workspace_id: WorkspaceId, appointment_ids: Sequence[AppointmentId]
    ) -> Mapping[AppointmentId, LeadId]:
        """Return which leads of a workspace hold these bookings, by the row's own word; of several the least id."""
        ...

    async def quarantined(self, *, workspace_id: WorkspaceId | None = None, limit: int = 100) -> Sequence[Lead]:
        """Return leads that are set aside, longest first."""
        ...

    async def release(self, lead_ids: Sequence[LeadId] | None, *, workspace_id: WorkspaceId | None = None) -> int:
        """Release the named leads (None: all, of one workspace if named) from quarantine; return how many."""
        ...

    async def mismatched(self, *, workspace_id: WorkspaceId | None = None, limit: int = 100) -> Sequence[Lead]:
        """Return leads with a difference that was found and not repaired, longest first."""
        ...

    async def mismatch_counts(self) -> Mapping[MismatchKind, int]:
        """Return how many differences of each kind stand unrepaired."""
        ...

    async def freshness(self, *, now: datetime, policy: DuePolicy) -> Freshness:
        """Return how old the verified truth is."""
        ...

    async def at_risk_count(self, *, now: datetime, policy: DuePolicy) -> int:
        """Return how many leads meet within 24 h by our rows and were not verified within the last hour."""
        ...

    async def at_risk(self, *, now: datetime, policy: DuePolicy, limit: int) -> Sequence[Lead]:
        """Return those leads, the next meeting first."""
        ...

    async def ages(self, *, now: datetime, policy: DuePolicy, limit: int) -> Ages:
        """Return how old the verified truth is by workspace: the *limit* worst one by one, all others added up."""
        ...

    async def unverified_count(self, *, since: datetime) -> tuple[int, int]:
        """Return how many leads that hold a booking were not verified since then, and how many hold one."""
        ...
