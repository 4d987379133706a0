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
from reconcile.domain.run.stop_reason import StopReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import LeaseHeld, StoreUnavailable
from reconcile.ports import DueWorkspaces, Span
from reconcile.services.alerting.notify import notify
from reconcile.services.control.cadence import wait_for
from reconcile.services.control.other_releases import foreign_cadence
from reconcile.services.lookup.bulkhead import Bulkhead
from reconcile.services.run.batch import reconcile_batch
from reconcile.services.run.context import CUT_OFF_WRITE_TIMEOUT, LEASE_MARGIN, STOP_GRACE, Dependencies, Run, RunPolicy
from reconcile.services.run.dry_run import dry_run_store
from reconcile.services.run.freshness import freshness, last_freshness, new_leads_since
from reconcile.services.run.metrics import annotate_run_span, link_to_trips, measure
from reconcile.services.run.outbox_delivery import deliver
from reconcile.services.run.report_builder import RunSnapshot, lease_held_report, not_due_report, report_of
from reconcile.services.run.select_workspaces import select_workspaces
from reconcile.services.run.state_object import apply_annotations, mirror_run, mirror_state

RUN_LEASE = "run"
"""Held by a run over all workspaces; one over a chosen workspace has a lease of its own, and each batch has a third."""
_EVERYTHING = 1_000_000


async def run(
    request: RunRequest,
    *,
    run_id: RunId,
    policy: RunPolicy,
    deps: Dependencies,
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
    with deps.telemetry.span("run", shard=request.shard and str(request.shard), **facts) as span:
        report = await _run(request, run_id=run_id, policy=policy, deps=deps, span=span)
        annotate_run_span(report, span=span, telemetry=deps.telemetry)
        deps.telemetry.event("run.ended", receipt=receipt_text(report))
        return report


async def _run(request: RunRequest, *, run_id: RunId, policy: RunPolicy, deps: Dependencies, span: Span) -> RunReport:
    clock = deps.clock
    if request.dry_run:
        deps = replace(deps, store=dry_run_store(deps.store, clock=clock), sink=None, mirror=None, notifier=None)
    started = clock.monotonic()
    notes = await apply_annotations(deps, policy)
    foreign = await foreign_cadence(deps.store, deps.mirror.source if deps.mirror else "", now=clock.now())
    notes = [*notes, foreign] if foreign else notes
    waiting = await wait_for(
        request,
        store=deps.store,
        now=clock.now(),
        is_automatic=policy.cadence.is_automatic,
        follows_override=foreign is None,
    )
    if waiting is not None:
        deps.telemetry.event("run.not_due", reason=waiting.reason, due_at=waiting.due_at)
        await mirror_state(deps)
        return not_due_report(request, waiting, run_id=run_id, clock=clock, started=started, notes=notes)
    try:
        share = request.workspace or request.shard
        scope = f"{RUN_LEASE}:{share}" if share else RUN_LEASE
        lease = await deps.store.leases.acquire(scope, holder=run_id, ttl=policy.budget + LEASE_MARGIN)
    except LeaseHeld:
        deps.telemetry.event("run.lease_held", run_id=run_id)
        await mirror_state(deps)
        return lease_held_report(request, run_id=run_id, clock=clock, started=started)
    this: Run | None = None
    try:
        begun = await _begin(request, run_id=run_id, policy=policy, deps=deps, lease=lease, span=span)
        this = replace(begun, started=started, notes=[*notes])
        return await _under_lease(this)
    except asyncio.CancelledError:
        if this is None or not deps.stop.takes_back_cancellation():
            raise
        return await _report_cut_off(this)
    except StoreUnavailable:
        if this is None or not deps.stop.is_terminated:
            raise
        deps.stop.is_cut_off = True
        return await _report_cut_off(this)
    finally:
        await deps.release_lease(lease)


async def _begin(  # noqa: PLR0913 - what a run is made of
    request: RunRequest, *, run_id: RunId, policy: RunPolicy, deps: Dependencies, lease: Lease, span: Span
) -> Run:
    started_at = deps.clock.now()
    await deps.store.ledger.begin_run(run_id, started_at=started_at, trigger=request.trigger, version=deps.version)
    return Run(
        id=run_id,
        request=request,
        policy=policy,
        deps=deps,
        registry=BreakerRegistry(
            await deps.store.breakers.load(),
            policy=policy.breaker,
            run_id=run_id,
            batch_size=request.leads_per_workspace,
            is_restricted=request.workspace is not None,
        ),
        lease=lease,
        started_at=started_at,
        started=deps.clock.monotonic(),
        span=span,
        bulkhead=Bulkhead(policy.workspace_concurrency),
    )


async def _under_lease(this: Run) -> RunReport:
    known = await last_freshness(this.deps.store)
    if this.request.workspace is None:  # of one workspace that somebody names, all leads are looked through
        this.wrote_since = new_leads_since(known, this.started_at)
    due = await _due(this)
    this.registry.begin(
        {w.id: frozenset(w.credentials) for w in due.workspaces},
        this.started_at,
        is_partial=due.eligible_count > len(due.workspaces),
    )
    for breaker in this.registry.breakers():
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
    this.registry.end(this.deps.clock.now())
    await this.save_breakers()
    return await _report(this, due, known)


async def _due(run: Run) -> DueWorkspaces:
    request, probes_only = run.request, run.registry.probes_only(run.started_at)
    room = request.workspace_limit + len(
        run.registry.troubled_workspaces()
    )  # those may be parked at the providers that they have
    due = await run.deps.store.leads.due_workspaces(
        now=run.started_at,
        policy=run.policy.due,
        limit=_EVERYTHING if request.whole_set or probes_only else room,
        only=request.workspace,
        exclude=run.registry.parked_workspaces(run.started_at),
        shard=request.shard,
        wrote_since=run.wrote_since,
    )
    asked = [w for w in due.workspaces if not run.registry.is_parked(w.id, w.credentials, run.started_at)]
    if probes_only:  # else the same few would be probed in each run, and a culprit among them would speak for all
        run.deps.random.shuffle(asked)
    limit = _EVERYTHING if request.whole_set else request.workspace_limit
    return replace(
        due,
        workspaces=select_workspaces(asked, limit=limit, probes_only=probes_only),
        eligible_count=due.eligible_count - (len(due.workspaces) - len(asked)),
    )


async def _visit_all(workspaces: Sequence[Workspace], *, run: Run) -> None:
    """Visit the workspaces side by side; where a wide breaker is probing, a few leads go ahead of all others."""
    run.planned_count = len(workspaces)
    run.control_pool.workspaces = workspaces
    # A workspace that was in trouble may keep its place for a whole time limit again: then it is nobody else's.
    troubled = run.registry.troubled_workspaces()
    workspaces = sorted(workspaces, key=lambda each: each.id in troubled)
    if run.registry.is_probing():
        first = list(workspaces)
        run.deps.random.shuffle(first)
        await _round(first, run=run)
        run.registry.conclude_probe_round(run.deps.clock.now())
        await run.save_breakers()
    await _round(workspaces, run=run)


async def _round(workspaces: Sequence[Workspace], *, run: Run) -> None:
    failures: list[StoreUnavailable] = []

    async def visit(workspace: Workspace) -> None:
        async with run.bulkhead.slot(workspace.id):
            try:
                await _visit(workspace, run=run)
            except StoreUnavailable as error:
                # The others end what they have begun: cut off in the middle they would leave their leases behind.
                failures.append(error)
                run.stop.request(StopReason.STORE_UNAVAILABLE)

    async with asyncio.TaskGroup() as group:
        for workspace in workspaces:
            group.create_task(visit(workspace))
    if failures:
        raise failures[0]


async def _visit(workspace: Workspace, *, run: Run) -> None:
    after: LeadId | None = LeadId("") if run.request.whole_set else None
    work = run.deps.batch_handler or reconcile_batch
    while run.takes_work():
        limit = min(run.request.leads_per_workspace, _room(workspace, run=run))
        if limit < 1:
            return
        result = await work(workspace, run=run, limit=limit, after=after)
        if run.deps.on_progress is not None:
            run.deps.on_progress(
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
    return run.registry.batch_limit(workspace.id, providers, run.deps.clock.now())


async def _cancel_calls_when_stopped(run: Run) -> None:
    """After SIGTERM, let calls under way end for a while, then cut them off: their leads are left for the next run."""
    await run.stop.wait_for_termination()
    await run.deps.clock.sleep(STOP_GRACE)
    for task in list(run.calls):
        task.cancel()


async def _report(run: Run, due: DueWorkspaces, known: Freshness | None) -> RunReport:
    store, now = run.deps.store, run.deps.clock.now()
    is_held = run.registry.breaker(RUN_KEY).effective_state(now) is BreakerState.OPEN
    snapshot = RunSnapshot(
        due_count=0 if is_held else len(due.workspaces),
        waiting_count=due.waiting_count,
        eligible_count=due.eligible_count,
        freshness=await freshness(store, last=known, clock=run.deps.clock, policy=run.policy.due),
        at_risk_count=await store.leads.at_risk_count(now=now, policy=run.policy.due),
        pending_count=await store.outbox.pending_count(),
    )
    report = await mirror_run(run, report_of(run, snapshot))
    measure(run, report)
    await store.ledger.finish_run(report, document(report))
    # A look at one chosen workspace tells nothing of the whole; after SIGTERM, the next run tells.
    if run.request.workspace is None and not run.stop.is_terminated:
        deps = run.deps
        await notify(
            deps.notifier,
            holder=run.id,
            store=store,
            clock=deps.clock,
            telemetry=deps.telemetry,
            may_begin=lambda: not run.stop.is_terminated,
        )
    return report


async def _report_cut_off(run: Run) -> RunReport:
    """Report what had been done; the database, which may be what did not answer, gets a moment to take note of it."""
    report = report_of(run, RunSnapshot())
    measure(run, report)
    with suppress(StoreUnavailable, TimeoutError):
        async with asyncio.timeout(CUT_OFF_WRITE_TIMEOUT.total_seconds()):
            await run.deps.store.ledger.finish_run(report, document(report))
    return report
