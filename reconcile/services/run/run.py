"""One run, from the lease to the report."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from reconcile.domain.breaker.breaker import RUN_KEY, BreakerReason, BreakerState
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.ids import ProviderName, RunId
from reconcile.domain.run.report import Freshness, RunReport, Trigger
from reconcile.domain.run.report_document import document, receipt_text
from reconcile.domain.run.request import RunRequest
from reconcile.errors import LeaseHeld, StoreUnavailable
from reconcile.ports import DueWorkspaces, Span
from reconcile.services.alerting.notify import notify
from reconcile.services.control.cadence import wait_for
from reconcile.services.control.other_releases import foreign_cadence
from reconcile.services.lookup.admission import CallAdmission
from reconcile.services.lookup.breakers import RunBreakers
from reconcile.services.lookup.control_pool import ControlPool
from reconcile.services.lookup.day_quotas import record_days
from reconcile.services.lookup.limits.bulkhead import Bulkhead
from reconcile.services.lookup.limits.concurrency import ProviderLimiters
from reconcile.services.lookup.limits.time_budget import LEASE_MARGIN, TimeBudget
from reconcile.services.lookup.warnings import RunWarnings
from reconcile.services.run.change_guard import ChangeGuard, scope_of
from reconcile.services.run.context import CUT_OFF_WRITE_TIMEOUT, STOP_GRACE, Dependencies, RunContext, RunPolicy
from reconcile.services.run.counts import RunTotals
from reconcile.services.run.dry_run import DRY_RUN_TIME, dry_run_store
from reconcile.services.run.freshness import freshness, last_freshness, new_leads_since
from reconcile.services.run.metrics import annotate_run_span, link_to_trips, measure
from reconcile.services.run.outbox_delivery import deliver
from reconcile.services.run.report_builder import RunSnapshot, lease_held_report, not_due_report, report_of
from reconcile.services.run.select_workspaces import due_workspaces
from reconcile.services.run.state_object import apply_annotations, mirror_run, mirror_state
from reconcile.services.run.visits import visit_all

RUN_LEASE = "run"
"""The lease of a run over all workspaces. A run over one workspace or shard has its own, and so has each batch."""


async def run(
    request: RunRequest,
    *,
    run_id: RunId,
    policy: RunPolicy,
    deps: Dependencies,
) -> RunReport:
    """Check the leads that are due and repair what differs.

    Raises StoreUnavailable if the database is unreachable. Failures of a provider are in the report instead, and so is
    a run that was cut off (``Stop.cut_off``).
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
        store = dry_run_store(deps.store, clock=clock, on_change=deps.on_change)
        deps = replace(deps, store=store, sink=None, mirror=None, notifier=None)
    # A dry run over everything blocks no other run, and it should reach every lead.
    length = max(policy.budget, DRY_RUN_TIME) if request.dry_run and request.whole_set else policy.budget
    time = TimeBudget(clock=clock, started=clock.monotonic(), length=length, stop=deps.stop)
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
        return not_due_report(request, waiting, run_id=run_id, clock=clock, started=time.started, notes=notes)
    try:
        share = request.workspace or request.shard
        scope = f"{RUN_LEASE}:{share}" if share else RUN_LEASE
        lease = await deps.store.leases.acquire(scope, holder=run_id, ttl=policy.budget + LEASE_MARGIN)
    except LeaseHeld:
        deps.telemetry.event("run.lease_held", run_id=run_id)
        await mirror_state(deps)
        return lease_held_report(request, run_id=run_id, clock=clock, started=time.started)
    context = RunContext(
        id=run_id,
        request=request,
        policy=policy,
        deps=deps,
        lease=lease,
        store=deps.store,
        providers=deps.providers,
        clock=clock,
        random=deps.random,
        telemetry=deps.telemetry,
        time=time,
        started_at=clock.now(),
        due=policy.due,
        limits=policy.lookup_limits,
        whole_set=request.whole_set,
        warnings=RunWarnings(deps.telemetry, notes=notes),
        guard=ChangeGuard(
            policy.caps,
            stored=deps.store.change_holds,
            clock=clock,
            run_id=run_id,
            scope=scope_of(request),
            is_applied=not request.dry_run,
        ),
    )
    if deps.heartbeat is not None:
        deps.heartbeat.begin()
    totals = RunTotals()
    admission: CallAdmission | None = None
    try:
        admission = await _begin(context)
        return await _under_lease(context, admission, totals, span=span)
    except asyncio.CancelledError:
        if admission is None or not deps.stop.takes_back_cancellation():
            raise
        return await _report_cut_off(context, admission, totals)
    except StoreUnavailable:
        if admission is None or not deps.stop.is_terminated:
            raise
        deps.stop.is_cut_off = True
        return await _report_cut_off(context, admission, totals)
    finally:
        await deps.release_lease(lease)


async def _begin(context: RunContext) -> CallAdmission:
    """Record the start of the run in the ledger, and load the stored breakers."""
    store, policy, request = context.store, context.policy, context.request
    await store.ledger.begin_run(
        context.id, started_at=context.started_at, trigger=request.trigger, version=context.deps.version
    )
    registry = BreakerRegistry(
        await store.breakers.load(),
        policy=policy.breaker,
        run_id=context.id,
        batch_size=request.leads_per_workspace,
        is_restricted=request.workspace is not None,
    )
    if policy.records_calls:
        registry.subscribe(context.recorder.note)
    breakers = RunBreakers(
        registry,
        stored=store.breakers,
        clock=context.clock,
        telemetry=context.telemetry,
        warnings=context.warnings,
        mirror=context.deps.mirror,
    )
    limiters = ProviderLimiters(
        workspace_concurrency=policy.workspace_concurrency, lead_concurrency=policy.lead_concurrency
    )
    bulkhead = Bulkhead(policy.workspace_concurrency)

    def resume_calls(provider: ProviderName) -> None:
        limiters.of(provider, for_sweeps=False).expect_answers()
        bulkhead.shuffle(context.random)

    pool = ControlPool(
        on_answer=lambda provider: limiters.of(provider, for_sweeps=False).note_answer(), on_cleared=resume_calls
    )
    return CallAdmission(breakers=breakers, limiters=limiters, bulkhead=bulkhead, pool=pool)


async def _under_lease(context: RunContext, admission: CallAdmission, totals: RunTotals, *, span: Span) -> RunReport:
    known, registry = await last_freshness(context.store), admission.registry
    if context.request.workspace is None:  # in a run over one named workspace, all its leads are searched
        context = replace(context, wrote_since=new_leads_since(known, context.started_at))
    due = await due_workspaces(registry, context=context)
    registry.begin(
        {w.id: frozenset(w.credentials) for w in due.workspaces},
        context.started_at,
        is_partial=due.eligible_count > len(due.workspaces),
    )
    for breaker in registry.breakers():
        if breaker.reason is BreakerReason.UNREADABLE:
            context.warnings.warn("breaker.unreadable", breaker=str(breaker.key))
    link_to_trips(span, registry)
    await admission.breakers.save()
    watchdog = asyncio.create_task(_cancel_calls_when_stopped(context))
    try:
        await visit_all(due.workspaces, totals, context=context, admission=admission)
        await deliver(totals, context=context)
    finally:
        watchdog.cancel()
    registry.end(context.clock.now())
    await admission.breakers.save()
    if not context.request.dry_run and not context.stop.is_terminated:
        is_own = context.request.workspace is None and context.request.trigger is not Trigger.BACKFILL
        await record_days(context, planned=context.policy.cadence, is_own=is_own)
    snapshot = await _snapshot(due, known, context=context, registry=registry)
    return await _report(snapshot, totals, context=context, registry=registry)


async def _cancel_calls_when_stopped(context: RunContext) -> None:
    """Cancel the calls that are in flight for too long after SIGTERM; the next run checks their leads."""
    await context.stop.wait_for_termination()
    await context.clock.sleep(STOP_GRACE)
    context.in_flight.cancel_all()


async def _snapshot(
    due: DueWorkspaces, known: Freshness | None, *, context: RunContext, registry: BreakerRegistry
) -> RunSnapshot:
    store, policy, now = context.store, context.due, context.clock.now()
    is_held = registry.breaker(RUN_KEY).effective_state(now) is BreakerState.OPEN
    return RunSnapshot(
        due_count=0 if is_held else len(due.workspaces),
        waiting_count=due.waiting_count,
        eligible_count=due.eligible_count,
        freshness=await freshness(store, last=known, clock=context.clock, policy=policy),
        at_risk_count=await store.leads.at_risk_count(now=now, policy=policy),
        pending_count=await store.outbox.pending_count(),
        damaged_rows=store.damaged_rows.counts(),
        holds=await context.guard.settle(),
    )


async def _report(
    snapshot: RunSnapshot, totals: RunTotals, *, context: RunContext, registry: BreakerRegistry
) -> RunReport:
    deps, stop = context.deps, context.stop
    report = report_of(context, totals, snapshot, registry=registry)
    report = await mirror_run(report, deps)
    measure(report, totals.leads, context=context, registry=registry)
    await context.store.ledger.finish_run(report, document(report), context.recorder.record())
    # A run over one workspace says nothing about the others; after SIGTERM, the next run notifies.
    if context.request.workspace is None and not stop.is_terminated:
        await notify(
            deps.notifier,
            holder=context.id,
            store=context.store,
            clock=context.clock,
            telemetry=context.telemetry,
            may_begin=lambda: not stop.is_terminated,
        )
    for table, count in context.store.damaged_rows.counts().items():  # alerts are read last
        context.telemetry.warning("row.damaged", table=table, count=count)
    return report


async def _report_cut_off(context: RunContext, admission: CallAdmission, totals: RunTotals) -> RunReport:
    """Return the report of a run that was cut off; try to store it for a moment, as the database may be unreachable."""
    report = report_of(context, totals, RunSnapshot(), registry=admission.registry)
    measure(report, totals.leads, context=context, registry=admission.registry)
    with suppress(StoreUnavailable, TimeoutError):
        async with asyncio.timeout(CUT_OFF_WRITE_TIMEOUT.total_seconds()):
            await context.store.ledger.finish_run(report, document(report), context.recorder.record())
    return report
