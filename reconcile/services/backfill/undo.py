"""Undoes the changes of a run or a backfill, except leads that were written since; itself a run in the ledger."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.backfill.plan import PlanId
from reconcile.domain.backfill.undo import Left, undone
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.formatting import count_of
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.planning.change import Change
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.run.report import Health, RunReport, Trigger
from reconcile.domain.run.report_document import document
from reconcile.errors import LeaseHeld, LeaseLost, RequestError
from reconcile.ports import BatchWrite, ChangeRow, Clock, LeadWrite, Store
from reconcile.services.backfill.backfill import known_plan

BATCH = 50
_EVERY_CHANGE = 1_000_000
_LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrevertedLead:
    """One lead that was not reverted, and why."""

    lead_id: LeadId
    workspace_id: WorkspaceId
    reason: Left


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """The result: *run_id* is the undo's run in the ledger, None if there was nothing to write."""

    undone_run: RunId | None
    undone_plan: PlanId | None
    run_id: RunId | None
    dry_run: bool
    reverted: tuple[LeadId, ...]
    left: tuple[UnrevertedLead, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What to undo, a run or all runs of a backfill plan, and the id of the undo's run."""

    run_id: RunId
    undone_run: RunId | None = None
    undone_plan: PlanId | None = None
    dry_run: bool = False
    version: str = ""
    batch: int = BATCH
    """Number of leads of one workspace that are written in one transaction."""


async def undo(asked: Undo, *, store: Store, clock: Clock) -> Undoing:
    """Undo the changes of a run or of a plan; raise RequestError if it does not exist.

    No follow-up is created, and sent ones are not revoked.
    """
    runs = await _undone_runs(asked, store=store)
    started_at, has_begun = clock.now(), False
    reverted: list[LeadId] = []
    left: list[UnrevertedLead] = []
    for run_id in runs:  # one after the other, because a backfill has many runs
        by_workspace = await _changes(run_id, store=store)
        if by_workspace and not asked.dry_run and not has_begun:
            has_begun = True
            await store.ledger.begin_run(
                asked.run_id, started_at=started_at, trigger=Trigger.UNDO.value, version=asked.version
            )
        for workspace_id, leads in sorted(by_workspace.items()):
            ids = sorted(leads)
            for place in range(0, len(ids), asked.batch):
                part = {lead_id: leads[lead_id] for lead_id in ids[place : place + asked.batch]}
                done, others = await _undo_batch(part, workspace_id, asked=asked, store=store, clock=clock)
                reverted += done
                left += others
    if has_begun:
        report = _report(asked, started_at=started_at, ended_at=clock.now(), reverted=len(reverted), left=len(left))
        await store.ledger.finish_run(report, document(report))
    return Undoing(
        undone_run=asked.undone_run,
        undone_plan=asked.undone_plan,
        run_id=asked.run_id if has_begun else None,
        dry_run=asked.dry_run,
        reverted=tuple(reverted),
        left=tuple(left),
    )


async def _undone_runs(asked: Undo, *, store: Store) -> Sequence[RunId]:
    if asked.undone_plan is not None:
        return await store.backfills.runs((await known_plan(asked.undone_plan, store.backfills)).id)
    if asked.undone_run is None or await store.ledger.run(asked.undone_run) is None:
        raise RequestError(f"there is no run {asked.undone_run}; `reconcile status` lists the last ones")
    return [asked.undone_run]


async def _changes(run_id: RunId, *, store: Store) -> Mapping[WorkspaceId, Mapping[LeadId, list[ChangeRow]]]:
    found: dict[WorkspaceId, dict[LeadId, list[ChangeRow]]] = defaultdict(lambda: defaultdict(list))
    for row in await store.ledger.changes(run_id=run_id, limit=_EVERY_CHANGE):
        found[row.workspace_id][row.lead_id].append(row)
    return found


async def _undo_batch(
    part: dict[LeadId, list[ChangeRow]], workspace_id: WorkspaceId, *, asked: Undo, store: Store, clock: Clock
) -> tuple[list[LeadId], list[UnrevertedLead]]:
    def left(lead_id: LeadId, reason: Left) -> UnrevertedLead:
        return UnrevertedLead(lead_id=lead_id, workspace_id=workspace_id, reason=reason)

    if asked.dry_run:
        changes, others = await _planned(part, store=store)
        return list(changes), [left(*each) for each in others.items()]
    try:
        lease = await store.leases.acquire(f"workspace:{workspace_id}", holder=asked.run_id, ttl=_LEASE)
    except LeaseHeld:
        return [], [left(lead_id, Left.WORKSPACE_BUSY) for lead_id in part]
    try:
        changes, others = await _planned(part, store=store)
        batch = _batch(list(changes.values()), workspace_id, lease, asked=asked, now=clock.now())
        receipt = await store.leads.write(batch)
    except LeaseLost:
        return [], [left(lead_id, Left.WORKSPACE_BUSY) for lead_id in part]
    finally:
        await store.leases.release(lease)
    for lead_id in receipt.drifted:
        if lead_id in receipt.held_up:
            others[lead_id] = Left.WORKSPACE_BUSY
        else:
            others[lead_id] = Left.REFUSED if lead_id in receipt.refused else Left.CHANGED_SINCE
    done = [lead_id for lead_id in changes if lead_id not in receipt.drifted]
    return done, [left(*each) for each in sorted(others.items())]


async def _planned(
    part: dict[LeadId, list[ChangeRow]], *, store: Store
) -> tuple[dict[LeadId, Change], dict[LeadId, Left]]:
    """Return the change that reverts each lead; of several changes, the one whose values the lead still has."""
    changes: dict[LeadId, Change] = {}
    others: dict[LeadId, Left] = {}
    for lead_id, rows in part.items():
        lead = await store.leads.lead(lead_id)
        if lead is None:
            others[lead_id] = Left.GONE
            continue
        found = [undone(lead, before=row.before, after=row.after) for row in rows]
        change = next((each for each in found if isinstance(each, Change)), None)
        if change is not None:
            changes[lead_id] = change
        else:
            others[lead_id] = next(each for each in found if isinstance(each, Left))
    return changes, others


def _batch(
    changes: Sequence[Change], workspace_id: WorkspaceId, lease: Lease, *, asked: Undo, now: datetime
) -> BatchWrite:
    return BatchWrite(
        run_id=asked.run_id,
        workspace_id=workspace_id,
        leases=(lease,),
        started_at=now,
        finished_at=now,
        writes=tuple(
            LeadWrite(
                lead=each.lead,
                outcome=Outcome.UPDATED,
                # our own state of the lead is kept: nothing was looked up or verified
                state=each.lead.state,
                state_if_drifted=each.lead.state,
                state_if_refused=each.lead.state,
                change=each,
            )
            for each in changes
        ),
        counts={Outcome.UPDATED: len(changes)},
        is_visit=False,
    )


def _report(asked: Undo, *, started_at: datetime, ended_at: datetime, reverted: int, left: int) -> RunReport:
    what = f"backfill {asked.undone_plan}" if asked.undone_plan is not None else f"run {asked.undone_run}"
    they = "it is" if left == 1 else "they are"
    return RunReport(
        run_id=asked.run_id,
        trigger=Trigger.UNDO,
        dry_run=False,
        success=True,
        timestamp=ended_at,
        duration=ended_at - started_at,
        health=Health.HEALTHY,
        health_reasons=(f"undo of {what}: {count_of(reverted, 'lead')} reverted, {left} left as {they}",),
        circuit_broken=False,
        updated=reverted,
    )
