"""One run, from the lease to the report."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from reconcile.domain.breaker.breaker import RUN_KEY, BreakerReason, BreakerState
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.lease import Lease
from reconcile.domain.run.receipt import receipt_text
from reconcile.domain.run.report import Freshness, RunReport
from reconcile.domain.run.report_document import document
from reconcile.domain.run.request import Progress, RunRequest
from reconcile.domain.workspace import Workspace
from reconcile.errors import LeaseHeld, StoreUnavailable
from reconcile.ports import DueWorkspaces, Span
from reconcile.services.alerting.notify import tell
from reconcile.services.control.cadence import wait_for
from reconcile.services.lookup.bulkhead import Slots
from reconcile.services.run.batch import reconcile_batch
from reconcile.services.run.context import LAST_WORDS, LEASE_MARGIN, STOP_GRACE, Parts, Run, RunPolicy
from reconcile.services.run.dry_run import dry
from reconcile.services.run.freshness import freshness, last_freshness, new_leads_since
from reconcile.services.run.metrics import link_to_trips, measure, tell_of_run
from reconcile.services.run.outbox_delivery import deliver
from reconcile.services.run.report_builder import Scene, lease_held_report, not_due_report, report_of
from reconcile.services.run.select_workspaces import served
from reconcile.services.run.state_object import heed, mirrored, take_leave

RUN_LEASE = "run"
"""Held by a run over all workspaces; one over a chosen workspace has a lease of its own, and each batch has a third."""
_EVERYTHING = 1_000_000


async def run(
    request: RunRequest,
    *,
    run_id: RunId,
    policy: RunPolicy,
    parts: Parts,
) -> RunReport:
    """Check the leads that are due and repair what differs.

    Raises StoreUnavailable where the database is away; every trouble with a provider is in the report instead, and so
    is being cut off (``Stop.cut_off``).
    """
    facts = {
        "run_id": run_id,
        "trigger": request.trigger,
        "dry_run": request.dry_run,
        "workspace_id": request.workspace,
    }
    with parts.telemetry.span("run", shard=request.shard and str(request.shard), **facts) as span:
        report = await _run(request, run_id=run_id, policy=policy, parts=parts, span=span)
        tell_of_run(report, span=span, telemetry=parts.telemetry)
        parts.telemetry.event("run.ended", receipt=receipt_text(report))
        return report


async def _run(request: RunRequest, *, run_id: RunId, policy: RunPolicy, parts: Parts, span: Span) -> RunReport:
    clock = parts.clock
    if request.dry_run:
        parts = replace(parts, store=dry(parts.store, clock=clock), sink=None, mirror=None, alarm=None)
    started = clock.monotonic()
    notes = await heed(parts, policy)
    waiting = await wait_for(request, store=parts.store, now=clock.now(), is_automatic=policy.cadence.is_automatic)
    if waiting is not None:
        parts.telemetry.event("run.not_due", reason=waiting.reason, due_at=waiting.due_at)
        await take_leave(parts)
        return not_due_report(request, waiting, run_id=run_id, clock=clock, started=started, notes=notes)
    try:
        share = request.workspace or request.shard
        scope = f"{RUN_LEASE}:{share}" if share else RUN_LEASE
        lease = await parts.store.leases.acquire(scope, holder=run_id, ttl=policy.budget + LEASE_MARGIN)
    except LeaseHeld:
        parts.telemetry.event("run.lease_held", run_id=run_id)
        await take_leave(parts)
        return lease_held_report(request, run_id=run_id, clock=clock, started=started)
    this: Run | None = None
    try:
        begun = await _begun(request, run_id=run_id, policy=policy, parts=parts, lease=lease, span=span)
        this = replace(begun, started=started, notes=[*notes])
        return await _under_lease(this)
    except asyncio.CancelledError:
        if this is None or not parts.stop.takes_back_cancellation():
            raise
        return await _reported_cut_off(this)
    except StoreUnavailable:
        if this is None or not parts.stop.is_terminated:
            raise
        parts.stop.is_cut_off = True
        return await _reported_cut_off(this)
    finally:
        await parts.give_up(lease)


async def _begun(  # noqa: PLR0913 - what a run is made of
    request: RunRequest, *, run_id: RunId, policy: RunPolicy, parts: Parts, lease: Lease, span: Span
) -> Run:
    started_at = parts.clock.now()
    await parts.store.ledger.begin(run_id, started_at=started_at, trigger=request.trigger, version=parts.version)
    return Run(
        id=run_id,
        request=request,
        policy=policy,
        parts=parts,
        board=BreakerRegistry(
            await parts.store.breakers.load(),
            policy=policy.breaker,
            run_id=run_id,
            batch_size=request.leads_per_workspace,
            is_restricted=request.workspace is not None,
        ),
        lease=lease,
        started_at=started_at,
        started=parts.clock.monotonic(),
        span=span,
        slots=Slots(policy.workspace_concurrency),
    )


async def _under_lease(this: Run) -> RunReport:
    known = await last_freshness(this.parts.store)
    if this.request.workspace is None:  # of one workspace that somebody names, all leads are looked through
        this.wrote_since = new_leads_since(known, this.started_at)
    due = await _due(this)
    this.board.begin(
        {w.id: frozenset(w.credentials) for w in due.workspaces},
        this.started_at,
        is_partial=due.eligible_count > len(due.workspaces),
    )
    for breaker in this.board.breakers():
        if breaker.reason is BreakerReason.UNREADABLE:
            this.warn("breaker.unreadable", breaker=str(breaker.key))
    link_to_trips(this)
    await this.save_breakers()
    watchdog = asyncio.create_task(_cancel_calls_when_stopped(this))
    try:
        await _visit_all(due.workspaces, run=this)
        await deliver(this)
    finally:
        watchdog.cancel()
    this.board.finish(this.parts.clock.now())
    await this.save_breakers()
    return await _reported(this, due, known)


async def _due(run: Run) -> DueWorkspaces:
    request, probes_only = run.request, run.board.probes_only(run.started_at)
    room = request.workspace_limit + len(run.board.troubled())  # those may be parked at the providers that they have
    due = await run.parts.store.leads.due_workspaces(
        now=run.started_at,
        policy=run.policy.due,
        limit=_EVERYTHING if request.whole_set or probes_only else room,
        only=request.workspace,
        exclude=run.board.parked(run.started_at),
        shard=request.shard,
        wrote_since=run.wrote_since,
    )
    asked = [w for w in due.workspaces if not run.board.is_parked(w.id, w.credentials, run.started_at)]
    if probes_only:  # else the same few would be probed in each run, and a culprit among them would speak for all
        run.parts.random.shuffle(asked)
    limit = _EVERYTHING if request.whole_set else request.workspace_limit
    return replace(
        due,
        workspaces=served(asked, limit=limit, probes_only=probes_only),
        eligible_count=due.eligible_count - (len(due.workspaces) - len(asked)),
    )


async def _visit_all(workspaces: Sequence[Workspace], *, run: Run) -> None:
    """Visit the workspaces side by side; where a wide breaker is probing, a few leads go ahead of all others."""
    run.planned_count = len(workspaces)
    run.control_pool.workspaces = workspaces
    # A workspace that was in trouble may keep its place for a whole time limit again: then it is nobody else's.
    troubled = run.board.troubled()
    workspaces = sorted(workspaces, key=lambda each: each.id in troubled)
    if run.board.is_probing():
        first = list(workspaces)
        run.parts.random.shuffle(first)
        await _round(first, run=run)
        run.board.conclude_probe_round(run.parts.clock.now())
        await run.save_breakers()
    await _round(workspaces, run=run)


async def _round(workspaces: Sequence[Workspace], *, run: Run) -> None:
    failures: list[StoreUnavailable] = []

    async def visit(workspace: Workspace) -> None:
        async with run.slots.slot(workspace.id):
            try:
                await _visit(workspace, run=run)
            except StoreUnavailable as error:
                # The others end what they have begun: cut off in the middle they would leave their leases behind.
                failures.append(error)
                run.stop.ask("store_unavailable")

    async with asyncio.TaskGroup() as group:
        for workspace in workspaces:
            group.create_task(visit(workspace))
    if failures:
        raise failures[0]


async def _visit(workspace: Workspace, *, run: Run) -> None:
    after: LeadId | None = LeadId("") if run.request.whole_set else None
    work = run.parts.work or reconcile_batch
    while run.takes_work():
        limit = min(run.request.leads_per_workspace, _room(workspace, run=run))
        if limit < 1:
            return
        result = await work(workspace, run=run, limit=limit, after=after)
        if run.parts.on_progress is not None:
            run.parts.on_progress(
                Progress(
                    workspaces_done=len(run.visited),
                    workspaces_planned=run.planned_count,
                    leads_done=run.counts.outcomes.total(),
                    errors=sum(run.counts.signatures.values()),
                )
            )
        after = result.last_id
        if not run.request.whole_set or after is None:
            return


def _room(workspace: Workspace, *, run: Run) -> int:
    providers = workspace.credentials or tuple(ProviderName)
    return run.board.batch_limit(workspace.id, providers, run.parts.clock.now())


async def _cancel_calls_when_stopped(run: Run) -> None:
    """After SIGTERM, let calls under way end for a while, then cut them off: their leads are left for the next run."""
    await run.stop.terminated()
    await run.parts.clock.sleep(STOP_GRACE)
    for task in list(run.calls):
        task.cancel()


async def _reported(run: Run, due: DueWorkspaces, known: Freshness | None) -> RunReport:
    store, now = run.parts.store, run.parts.clock.now()
    is_held = run.board.breaker(RUN_KEY).effective_state(now) is BreakerState.OPEN
    scene = Scene(
        due_count=0 if is_held else len(due.workspaces),
        waiting_count=due.waiting_count,
        eligible_count=due.eligible_count,
        freshness=await freshness(store, last=known, clock=run.parts.clock, policy=run.policy.due),
        at_risk_count=await store.leads.at_risk_count(now=now, policy=run.policy.due),
        pending_count=await store.outbox.pending_count(),
    )
    report = await mirrored(run, report_of(run, scene))
    measure(run, report)
    await store.ledger.finish(report, document(report))
    # A look at one chosen workspace tells nothing of the whole; after SIGTERM, the next run tells.
    if run.request.workspace is None and not run.stop.is_terminated:
        parts = run.parts
        await tell(
            parts.alarm,
            holder=run.id,
            store=store,
            clock=parts.clock,
            telemetry=parts.telemetry,
            may_begin=lambda: not run.stop.is_terminated,
        )
    return report


async def _reported_cut_off(run: Run) -> RunReport:
    """Report what had been done; the database, which may be what did not answer, gets a moment to take note of it."""
    report = report_of(run, Scene())
    measure(run, report)
    with suppress(StoreUnavailable, TimeoutError):
        async with asyncio.timeout(LAST_WORDS.total_seconds()):
            await run.parts.store.ledger.finish(report, document(report))
    return report
