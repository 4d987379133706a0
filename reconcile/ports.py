"""What the use cases need from the world, in their own words. Adapters and fakes pass the same contract suites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from reconcile.domain.breaker import Breaker, BreakerKey
from reconcile.domain.budget import Grant, RateLimit
from reconcile.domain.cadence import CadenceOverride
from reconcile.domain.change import Answer, Change, EffectKind
from reconcile.domain.credential import Token
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import AppointmentId, LeadId, Operation, ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import Lead, LeadState, MismatchKind
from reconcile.domain.lease import Lease
from reconcile.domain.outcome import ErrorSignature, Outcome, SkipReason
from reconcile.domain.report import Freshness, RunReport
from reconcile.domain.shard import Shard
from reconcile.domain.workspace import Workspace


class Clock(Protocol):
    """The only source of time; a test's moves when it is told to."""

    def now(self) -> datetime:
        """Return the wall clock as an aware instant in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait for *duration* on the monotonic clock."""
        ...


# --- providers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How one lead will be asked about: decided before any call, so that breaker and budget can refuse it."""

    provider: ProviderName
    operation: Operation
    """The first call that the look-up makes."""


class Provider(Protocol):
    """One calendar system, for all workspaces."""

    name: ProviderName

    def lookup(self, lead: Lead, workspace: Workspace) -> Lookup | SkipReason:
        """Return how *lead* would be looked up here, or why it cannot be. Makes no call."""
        ...

    async def answer(self, lead: Lead, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Ask about *lead*; *deadline* is an instant on the monotonic clock.

        Raises ProviderError. Returns only decisive answers; anything less is raised, or is a SkipReason.
        """
        ...

    def usage(self, workspace: Workspace) -> "Usage":
        """Return what was used of the workspace's account since the last question, and forget it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a workspace's account has used, and what the provider's last headers said is left.

    *limit* is set where the headers tell of a smaller limit than was assumed; *not_before* after a 429.
    """

    calls: int = 0
    remaining: int | None = None
    limit: RateLimit | None = None
    not_before: timedelta | None = None


# --- store -------------------------------------------------------------------------------------------------------


class TokenSource(Protocol):
    """Where tokens lie outside the database, in a mounted directory of secrets; they win over the database's."""

    def of(self, workspace_id: WorkspaceId) -> tuple[Mapping[ProviderName, Token], tuple[str, ...]]:
        """Return the workspace's tokens, and sentences on those that are there and cannot be used."""
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWrite:
    """One workspace's part of a run, written in one transaction under both leases.

    *not_before* parks the workspace until an instant (after a 429 or a spent budget); *counts* is the batch's ledger
    row: outcome → leads.
    """

    run_id: RunId
    workspace_id: WorkspaceId
    leases: tuple[Lease, ...]
    started_at: datetime
    finished_at: datetime
    writes: tuple[LeadWrite, ...]
    counts: Mapping[Outcome, int] = field(default_factory=dict)
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReceipt:
    """Which changes were not written, while all else of the batch is there.

    *drifted* holds all of them: somebody else wrote the lead since it was read, and it got ``state_if_drifted``; or,
    for those in *refused* with the clause that says why, the database takes no such value: ``state_if_refused``.
    """

    drifted: frozenset[LeadId] = frozenset()
    refused: Mapping[LeadId, str] = field(default_factory=dict)


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
    ) -> DueWorkspaces:
        """Return workspaces that have due leads and are not waiting (``not_before``), longest unvisited first.

        Of a *shard* alone, if one is given: limit and count are the shard's.
        """
        ...

    async def due_leads(
        self,
        workspace_id: WorkspaceId,
        *,
        now: datetime,
        policy: DuePolicy,
        limit: int,
        after: LeadId | None = None,
    ) -> Sequence[Lead]:
        """Return due leads, hot before warm, by ``attempted_at`` (nulls first), then id.

        With *after*, order is by id alone and begins behind it: the cursor of a dry run, which moves no watermark.
        """
        ...

    async def lead(self, lead_id: LeadId) -> Lead | None:
        """Return one lead with all that is known of it."""
        ...

    async def workspace(self, workspace_id: WorkspaceId) -> Workspace | None:
        """Return one workspace."""
        ...

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Write a batch: all of it in one transaction, in key order; raise LeaseLost, having written nothing.

        The rows of each change are locked and compared with the facts it was planned from (``Lead.same_facts``); a
        lead that differs is left as it is and returned as drifted.
        """
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


class Leases(Protocol):
    """Claims on work, by the database's clock."""

    async def acquire(self, name: str, *, holder: str, ttl: timedelta) -> Lease:
        """Claim *name* if it is free or expired, with a greater token; raise LeaseHeld otherwise."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the claim up at once; nothing happens where it is no longer ours."""
        ...

    async def holder(self, name: str) -> tuple[str, datetime] | None:
        """Return who holds *name* and until when by the database's clock, or None if it is free."""
        ...


class Breakers(Protocol):
    """The memory of breakers between runs."""

    async def load(self) -> Sequence[Breaker]:
        """Return all breakers that are not at rest: closed ones with no override are left out after a day."""
        ...

    async def save(self, breaker: Breaker, *, expected_generation: int) -> bool:
        """Store *breaker* and return True if the stored generation is still the expected one (0: none is stored)."""
        ...

    async def get(self, key: BreakerKey) -> Breaker | None:
        """Return one breaker as it is stored."""
        ...


class Budgets(Protocol):
    """Provider calls that an account has left, shared between processes, by the database's clock."""

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit) -> Grant:
        """Take up to *wanted* calls from the account's meter; a smaller limit learned from headers is kept with it."""
        ...

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        """Give back *unused* calls (negative: more were made) and correct the meter by the provider's own headers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One workspace's visit in one run, as the ledger keeps it."""

    run_id: RunId
    workspace_id: WorkspaceId
    started_at: datetime
    finished_at: datetime
    counts: Mapping[Outcome, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run as the ledger keeps it; *report* is the JSON document, None while it runs or if it was killed."""

    run_id: RunId
    started_at: datetime
    finished_at: datetime | None
    report: Mapping[str, Any] | None
    trigger: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRow:
    """One kind of failure over all runs."""

    signature: ErrorSignature
    first_seen_at: datetime
    last_seen_at: datetime
    count: int
    last_workspace_id: WorkspaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One lead's change as the ledger keeps it: plain values, before and after."""

    run_id: RunId
    workspace_id: WorkspaceId
    lead_id: LeadId
    outcome: Outcome
    at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Ledger(Protocol):
    """The record of runs, batches, changes and failures; all but the runs are written by ``Leads.write``."""

    async def begin(self, run_id: RunId, *, started_at: datetime, trigger: str, version: str) -> None:
        """Note that a run has begun, so that a killed one can be seen."""
        ...

    async def finish(self, report: RunReport, document: Mapping[str, Any]) -> None:
        """Store the run's report."""
        ...

    async def runs(self, *, limit: int = 20) -> Sequence[RunRow]:
        """Return the last runs, newest first."""
        ...

    async def run(self, run_id: RunId) -> RunRow | None:
        """Return one run."""
        ...

    async def batches(
        self, *, run_id: RunId | None = None, workspace_id: WorkspaceId | None = None, limit: int = 50
    ) -> Sequence[BatchRow]:
        """Return batches of a run or of a workspace, newest first."""
        ...

    async def changes(
        self, *, run_id: RunId | None = None, lead_id: LeadId | None = None, limit: int = 50
    ) -> Sequence[ChangeRow]:
        """Return changes of a run or of a lead, newest first."""
        ...

    async def signatures(self, *, since: datetime | None = None, limit: int = 20) -> Sequence[SignatureRow]:
        """Return kinds of failure, most recently seen first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A follow-up that waits to be delivered; *key* is its idempotency key."""

    key: str
    kind: EffectKind
    workspace_id: WorkspaceId
    lead_id: LeadId
    appointment_id: AppointmentId
    run_id: RunId
    created_at: datetime
    attempts: int = 0


class Outbox(Protocol):
    """Follow-ups written in the same transaction as the change that caused them (by ``Leads.write``)."""

    async def pending(self, *, now: datetime, limit: int) -> Sequence[OutboxRow]:
        """Return rows that are due for delivery, oldest first."""
        ...

    async def delivered(self, keys: Sequence[str], *, at: datetime) -> None:
        """Note that the receiver has confirmed these."""
        ...

    async def postponed(self, keys: Sequence[str], *, until: datetime) -> None:
        """Note a failed delivery: one attempt more, and not again before *until*."""
        ...

    async def pending_count(self) -> int:
        """Return how many rows are not delivered yet."""
        ...


class EffectSink(Protocol):
    """Where follow-ups go: the customer's webhook."""

    async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
        """Hand one follow-up over; return only when it was confirmed, else raise ProviderError."""
        ...


class Cadences(Protocol):
    """The one override of the cadence, until it expires."""

    async def override(self) -> CadenceOverride | None:
        """Return the override as it is stored, also one that is over."""
        ...

    async def set(self, override: CadenceOverride) -> None:
        """Store *override* in place of the one before it."""
        ...

    async def clear(self) -> None:
        """Forget the override."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An operator's annotation that was seen: *value* as it was then, *fault* why it was not obeyed, if so.

    *until* is when what it asked for ends by itself.
    """

    key: str
    value: str
    seen_at: datetime
    fault: str | None = None
    until: datetime | None = None


class Orders(Protocol):
    """Which annotations were obeyed or refused, so that each is only once."""

    async def seen(self) -> Sequence[OrderRow]:
        """Return the annotations that are remembered, in key order."""
        ...

    async def remember(self, row: OrderRow) -> None:
        """Remember *row* in place of the one before it."""
        ...

    async def forget(self, key: str) -> None:
        """Forget an annotation that is no longer there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One database, by its ports."""

    leads: Leads
    leases: Leases
    breakers: Breakers
    budgets: Budgets
    ledger: Ledger
    outbox: Outbox
    cadences: Cadences
    orders: Orders


# --- kubernetes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StateObject:
    """The object whose annotations mirror our state; *version* is what the next write is compared with."""

    annotations: Mapping[str, str]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Something that happened to the state object, for those who watch events; *reason* in CamelCase."""

    reason: str
    text: str
    is_warning: bool = False


class StateMirror(Protocol):
    """An object of the Kubernetes API; each call ends within seconds, or raises MirrorUnavailable."""

    async def read(self) -> StateObject:
        """Return the object as it is now."""
        ...

    async def patch(self, annotations: Mapping[str, str | None], *, version: str) -> StateObject:
        """Set these annotations (None: remove) and no others; MirrorConflict unless *version* is still the object's."""
        ...

    async def announce(self, announcement: Announcement) -> None:
        """Emit an event about the object."""
        ...


# --- telemetry ---------------------------------------------------------------------------------------------------


class Telemetry(Protocol):
    """What the use cases tell an operator's tools, event by event. No personal data passes here."""

    def event(self, name: str, **facts: object) -> None:
        """Note one thing that happened: *name* is fixed text (``breaker.moved``), facts stand beside it."""
        ...

    def warning(self, name: str, **facts: object) -> None:
        """Note a trouble that the run survives."""
        ...
