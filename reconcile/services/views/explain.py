"""Explains one lead, one workspace or one run."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import RUN_KEY, BreakerKey, BreakerPolicy, BreakerScope
from reconcile.domain.due import DuePolicy, NotDue, Priority, due
from reconcile.domain.evidence.booking_reference import provider_of
from reconcile.domain.formatting import quoted
from reconcile.domain.ids import LeadId, ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import Lead, LeadState
from reconcile.domain.workspace import Workspace
from reconcile.errors import RequestError
from reconcile.ports import BatchRow, ChangeRow, Store
from reconcile.services.views.account_days import AccountDay, account_days
from reconcile.services.views.next_steps import Advice, advice, needs_advice, width
from reconcile.services.views.status import COUNTED_UP_TO, RunLine

ROWS = 10

_WHY_NOT = {
    NotDue.QUARANTINED: "quarantined after repeated failures; it is not checked until it is released",
    NotDue.BACKING_OFF: "waits after a failure or a skip",
    NotDue.ATTEMPTED_RECENTLY: "was attempted a moment ago",
    NotDue.FRESH: "was verified recently and is not urgent",
    NotDue.UNVERIFIED: "has a booking that was never verified and is not urgent; a backfill checks it",
    NotDue.NEVER_ENGAGED: "has no booking, no inbound message and no active sequence: nothing to compare",
}
_WHY = {
    Priority.HOT: "due, before others: it is in a sequence, meets soon, or has a canceled or missing future meeting",
    Priority.WARM: "due: verified too long ago, never, or before its last message",
}
_UNTOLD = "due: it has a booking without a status"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadExplanation:
    """One lead: what happens next and why, its stored state, its changes.

    *verdict* is the word of a Priority or a NotDue, *next_at* when it will be due (None: immediately, or not without a
    change).
    """

    lead_id: LeadId
    workspace_id: WorkspaceId
    verdict: str
    why: str
    next_at: datetime | None
    provider: ProviderName | None
    has_booking: bool
    booking_status: AppointmentStatus | None
    starts_at: datetime | None
    state: LeadState
    breakers: tuple[Advice, ...]
    changes: tuple[ChangeRow, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceExplanation:
    """One workspace: whether it is served, and the results of its last visits; *due_count* stops at *due_limit*."""

    workspace_id: WorkspaceId
    providers: tuple[ProviderName, ...]
    faults: tuple[str, ...]
    timezone: str | None
    preferred_provider: ProviderName | None
    visited_at: datetime | None
    not_before: datetime | None
    due_count: int
    due_limit: int
    quarantined_count: int
    days: tuple[AccountDay, ...]
    breakers: tuple[Advice, ...]
    batches: tuple[BatchRow, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunExplanation:
    """One run: its line, its report (None while it runs, or if it was killed), its last visits and changes.

    ``has_more_…``: the ledger has more of them than were asked for.
    """

    run: RunLine
    report: Mapping[str, Any] | None
    batches: tuple[BatchRow, ...]
    has_more_batches: bool
    changes: tuple[ChangeRow, ...]
    has_more_changes: bool
    commands: tuple[str, ...]


async def explain_lead(
    lead_id: LeadId, *, store: Store, now: datetime, policy: DuePolicy, breaker: BreakerPolicy
) -> LeadExplanation:
    """Return the explanation of one lead, without personal data."""
    lead = await store.leads.lead(lead_id)
    if lead is None:
        raise RequestError("there is no lead with this id in this database")
    workspace = await store.leads.workspace(lead.workspace_id)
    verdict = due(lead, now=now, policy=policy)
    provider = _provider(lead, workspace)
    breakers = await _on_path(lead.workspace_id, [provider] if provider else [], store=store, now=now, policy=breaker)
    commands = [f"reconcile explain workspace {shlex.quote(lead.workspace_id)}"]
    if verdict is NotDue.QUARANTINED:
        commands.insert(0, f"reconcile quarantine release {shlex.quote(lead_id)}")
    if verdict is NotDue.UNVERIFIED:
        commands.insert(0, f"reconcile backfill plan --workspace {shlex.quote(lead.workspace_id)} --stale-booked")
    return LeadExplanation(
        lead_id=lead.id,
        workspace_id=lead.workspace_id,
        verdict=verdict.value,
        why=_why(verdict, lead, workspace, breakers, now=now),
        next_at=_next_at(verdict, lead, workspace, policy=policy, now=now),
        provider=provider,
        has_booking=lead.rollup.booking_id is not None,
        booking_status=lead.rollup.status,
        starts_at=lead.rollup.starts_at,
        state=lead.state,
        breakers=breakers,
        changes=tuple(await store.ledger.changes(lead_id=lead_id, limit=ROWS)),
        commands=tuple(commands),
    )


async def explain_workspace(
    workspace_id: WorkspaceId, *, store: Store, now: datetime, policy: DuePolicy, breaker: BreakerPolicy
) -> WorkspaceExplanation:
    """Return the explanation of one workspace."""
    workspace = await known_workspace(workspace_id, store=store)
    due_leads = await store.leads.due_leads(workspace_id, now=now, policy=policy, limit=COUNTED_UP_TO)
    quarantined = await store.leads.quarantined(workspace_id=workspace_id, limit=COUNTED_UP_TO)
    quoted = shlex.quote(workspace_id)
    commands = [f"reconcile run --workspace {quoted} --dry-run"]
    if quarantined:
        commands.append(f"reconcile quarantine list --workspace {quoted}")
    return WorkspaceExplanation(
        workspace_id=workspace.id,
        providers=tuple(sorted(workspace.credentials)),
        faults=workspace.faults,
        timezone=workspace.timezone,
        preferred_provider=workspace.preferred,
        visited_at=workspace.visited_at,
        not_before=workspace.not_before if workspace.not_before and workspace.not_before > now else None,
        due_count=len(due_leads),
        due_limit=COUNTED_UP_TO,
        quarantined_count=len(quarantined),
        days=await account_days(workspace, store=store, now=now),
        breakers=await _on_path(workspace_id, list(workspace.credentials), store=store, now=now, policy=breaker),
        batches=tuple(await store.ledger.batches(workspace_id=workspace_id, limit=ROWS)),
        commands=tuple(commands),
    )


async def explain_run(run_id: RunId, *, store: Store, limit: int = 100) -> RunExplanation:
    """Return the explanation of one run, with its last *limit* batches and changes."""
    row = await store.ledger.run(run_id)
    if row is None:
        raise RequestError(f"there is no run {quoted(run_id)}; `reconcile status` lists the last ones")
    run = RunLine.of(row, claims=await store.leases.held())
    batches = await store.ledger.batches(run_id=run_id, limit=limit + 1)
    changes = await store.ledger.changes(run_id=run_id, limit=limit + 1)
    return RunExplanation(
        run=run,
        report=row.report,
        batches=tuple(batches[:limit]),
        has_more_batches=len(batches) > limit,
        changes=tuple(changes[:limit]),
        has_more_changes=len(changes) > limit,
        commands=("reconcile status",),
    )


async def known_workspace(workspace_id: WorkspaceId, *, store: Store) -> Workspace:
    """Return the workspace of that id; raise RequestError where there is none, so that no typo looks like good news."""
    workspace = await store.leads.workspace(workspace_id)
    if workspace is None:
        raise RequestError(f"there is no workspace {quoted(workspace_id)} in this database")
    return workspace


def _provider(lead: Lead, workspace: Workspace | None) -> ProviderName | None:
    """Return the provider that the lead would be looked up at, as far as its row or its workspace shows."""
    if lead.rollup.booking_id:
        return lead.rollup.provider or provider_of(lead.rollup.booking_id)
    providers = tuple(workspace.credentials) if workspace else ()
    return providers[0] if len(providers) == 1 else None


async def _on_path(
    workspace_id: WorkspaceId,
    providers: Sequence[ProviderName],
    *,
    store: Store,
    now: datetime,
    policy: BreakerPolicy,
) -> tuple[Advice, ...]:
    """Return the breakers that a call for this workspace must pass, the widest first.

    Without *providers* the called ones are unknown, so all are returned.
    """

    def is_on_path(key: BreakerKey) -> bool:
        if key.scope is BreakerScope.WORKSPACE:
            is_asked = not providers or key.provider is None or key.provider in providers
            return key.workspace_id == workspace_id and is_asked
        return key == RUN_KEY or not providers or key.name.partition("/")[0] in providers

    stored = sorted(await store.breakers.load(), key=width)
    return tuple(
        advice(each, now=now, policy=policy) for each in stored if is_on_path(each.key) and needs_advice(each, now=now)
    )


def _why(
    verdict: Priority | NotDue, lead: Lead, workspace: Workspace | None, breakers: Sequence[Advice], *, now: datetime
) -> str:
    if isinstance(verdict, NotDue):
        has_reason = verdict in {NotDue.QUARANTINED, NotDue.BACKING_OFF} and lead.state.reason
        return f"{_WHY_NOT[verdict]}: {lead.state.reason}" if has_reason else _WHY_NOT[verdict]
    has_status = lead.rollup.booking_id is None or lead.rollup.status is not None
    why = _WHY[verdict] if has_status or verdict is Priority.HOT else _UNTOLD
    if breakers:
        return f"{why}; but the breaker {breakers[0].breaker} is {breakers[0].state}"
    if workspace and workspace.not_before and workspace.not_before > now:
        return f"{why}; but its workspace's rate budget is used up for now"
    if workspace and not workspace.credentials:
        return f"{why}; but its workspace has no usable credential"
    return why


def _next_at(
    verdict: Priority | NotDue, lead: Lead, workspace: Workspace | None, *, policy: DuePolicy, now: datetime
) -> datetime | None:
    """Return when the lead will be due without further changes."""
    state, starts_at = lead.state, lead.rollup.starts_at
    soon_at: datetime | None = None
    if starts_at and starts_at - policy.soon > now and lead.rollup.canceled_at is None:
        soon_at = starts_at - policy.soon
    at: datetime | None = None
    match verdict:
        case NotDue.BACKING_OFF:
            at = state.next_attempt_at
        case NotDue.ATTEMPTED_RECENTLY if state.attempted_at:
            at = state.attempted_at + policy.hot
        case NotDue.FRESH if state.verified_at:
            stale_at = state.verified_at + policy.stale
            at = min(stale_at, soon_at or stale_at)
        case NotDue.UNVERIFIED | NotDue.NEVER_ENGAGED:
            at = soon_at
    not_before = workspace.not_before if workspace else None
    if not_before and not_before > now and (at is not None or isinstance(verdict, Priority)):
        return max(at or not_before, not_before)
    return at
