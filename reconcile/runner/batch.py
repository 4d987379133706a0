"""One workspace's leads: read, checked side by side, written in one transaction."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconcile.domain.backoff import Attempt, next_state
from reconcile.domain.budget import limit_of
from reconcile.domain.ids import LeadId, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.lease import Lease
from reconcile.domain.outcome import DeferReason, ErrorSignature, Outcome, SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, LeaseHeld, LeaseLost
from reconcile.ports import BatchReceipt, BatchWrite, LeadWrite, Lookup, Span
from reconcile.runner.check import Checked, asked_at, check, lookups
from reconcile.runner.context import BatchResult, Run
from reconcile.runner.gate import Gate
from reconcile.runner.signals import tell_of_batch
from reconcile.runner.trust import blames_others, distrusts, distrusts_absence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """One batch's frame; *not_before* is until when the workspace is to be left alone afterwards."""

    workspace: Workspace
    lease: Lease
    started_at: datetime
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turns:
    """How the leads of a batch take turns; *limited* are the providers that have asked to be left alone meanwhile."""

    gate: Gate
    limited: set[ProviderName] = field(default_factory=set)


async def reconcile_batch(workspace: Workspace, *, run: Run, limit: int, after: LeadId | None = None) -> BatchResult:
    """Check up to *limit* due leads of *workspace* and write what came of it."""
    with run.parts.telemetry.span("batch", workspace_id=workspace.id, provider=sorted(workspace.credentials)) as span:
        return await _batch(workspace, span, run=run, limit=limit, after=after)


async def _batch(workspace: Workspace, span: Span, *, run: Run, limit: int, after: LeadId | None) -> BatchResult:
    leases = run.parts.store.leases
    try:
        lease = await leases.acquire(f"workspace:{workspace.id}", holder=run.holder, ttl=run.lease_ttl)
    except LeaseHeld:
        run.warn("workspace.lease_held")
        return BatchResult()
    try:
        started_at = run.parts.clock.now()
        leads = await run.parts.store.leads.due_leads(
            workspace.id, now=run.started_at, policy=run.policy.due, limit=limit, after=after
        )
        if not leads:
            return BatchResult()
        checked, not_before = await _checked(leads, workspace, run=run)
        visit = _Visit(workspace=workspace, lease=lease, started_at=started_at, not_before=not_before)
        tell_of_batch(span, workspace, await _write(checked, visit, run=run), run=run)
        return BatchResult(lead_count=len(leads), last_id=leads[-1].id)
    finally:
        await run.parts.give_up(lease)


async def _checked(leads: Sequence[Lead], workspace: Workspace, *, run: Run) -> tuple[list[Checked], datetime | None]:
    """Check the leads within the account's budget; also return until when the workspace is to be left alone."""
    done: list[Checked] = []
    wanted: list[tuple[Lead, Sequence[Lookup]]] = []
    for lead in leads:
        verdict = lookups(lead, workspace, run)
        if isinstance(verdict, SkipReason):
            done.append(Checked(lead=lead, outcome=Outcome.SKIPPED, reason=verdict))
        else:
            wanted.append((lead, verdict))
    reserved, pause = await _reserve(wanted, workspace, run=run)
    left = Counter(reserved)
    turns = _Turns(gate=Gate(limit=run.policy.lead_concurrency, initial=1))
    tasks: list[asyncio.Task[Checked]] = []
    async with asyncio.TaskGroup() as group:
        for lead, sought in wanted:
            if any(left[lookup.provider] < 1 for lookup in sought):
                nothing = Checked(lead=lead, outcome=Outcome.DEFERRED, lookup=sought[0])
                done.append(nothing.deferred(DeferReason.BUDGET))
                continue
            left.subtract(lookup.provider for lookup in sought)
            tasks.append(group.create_task(_check_in_turn(lead, workspace, sought, run=run, turns=turns)))
    done.extend(task.result() for task in tasks)
    pauses = [c.retry_after for c in done if c.retry_after is not None]
    pauses += await _settle(reserved, workspace, run=run)
    if pause:
        pauses.append(pause)
    return done, run.parts.clock.now() + max(pauses) if pauses else None


async def _check_in_turn(
    lead: Lead, workspace: Workspace, sought: Sequence[Lookup], *, run: Run, turns: _Turns
) -> Checked:
    """Check one lead when the workspace's own gate opens: while its leads fail they go one at a time."""
    nothing = Checked(lead=lead, outcome=Outcome.DEFERRED, lookup=sought[0])
    task = asyncio.current_task()
    succeeded: bool | None = None
    try:
        await turns.gate.enter()
        if task:
            run.calls.add(task)
        try:
            if turns.limited.intersection(lookup.provider for lookup in sought):
                return nothing.deferred(DeferReason.RATE_LIMITED)
            checked = await check(lead, workspace, sought, run=run)
            if checked.reason is DeferReason.RATE_LIMITED and checked.lookup is not None:
                turns.limited.add(checked.lookup.provider)
            if checked.outcome is not Outcome.DEFERRED:
                succeeded = checked.outcome is not Outcome.FAILED
            return checked
        finally:
            if task:
                run.calls.discard(task)
            turns.gate.leave(succeeded=succeeded)
    except asyncio.CancelledError:
        # SIGTERM cancels the calls that do not end in time, and only those: the lead is left for the next run.
        if run.stop.reason is None or task is None or not task.uncancel() == 0:
            raise
        return nothing.deferred(DeferReason.DEADLINE)


def budget_key(workspace: Workspace, provider: ProviderName) -> str:
    """Name an account's meter, by a digest: what stands in the customer's column may be a person's address."""
    credential = workspace.credentials.get(provider)
    account = (credential.account if credential else None) or workspace.id
    return f"{provider}:{hashlib.sha256(account.encode()).hexdigest()[:32]}"


async def _reserve(
    wanted: Sequence[tuple[Lead, Sequence[Lookup]]], workspace: Workspace, *, run: Run
) -> tuple[Counter[ProviderName], timedelta]:
    """Take one call for each look-up from each account's budget; also return how long until there is more."""
    reserved: Counter[ProviderName] = Counter()
    pause = timedelta(0)
    for provider, count in Counter(lookup.provider for _, sought in wanted for lookup in sought).items():
        grant = await run.parts.store.budgets.reserve(
            budget_key(workspace, provider),
            wanted=count,
            limit=limit_of(provider),
            share=run.policy.rate_share,
        )
        reserved[provider] = grant.granted
        least = run.counts.budget_left
        least[provider] = min(grant.left, least.get(provider, grant.left))
        if not grant.granted:
            pause = max(pause, grant.retry_after)
    return reserved, pause


async def _settle(reserved: Counter[ProviderName], workspace: Workspace, *, run: Run) -> list[timedelta]:
    """Correct the budgets by what was really used, and by what the provider says is left."""
    pauses = []
    for provider, count in reserved.items():
        usage = run.parts.providers[provider].usage(workspace)
        run.counts.calls += usage.calls
        if usage.not_before is not None:
            pauses.append(usage.not_before)
        if count != usage.calls or usage.limit is not None or usage.remaining is not None:
            await run.parts.store.budgets.settle(
                budget_key(workspace, provider), unused=count - usage.calls, usage=usage, limit=limit_of(provider)
            )
    return pauses


def _trusted(checked: Checked, workspace: Workspace, *, run: Run) -> Checked:
    """Withhold what was planned from a provider that has turned out to be broken since."""
    lookup = checked.lookup
    if lookup is None or not checked.outcome.is_decisive:
        return checked
    if checked.outcome is Outcome.ABSENT and distrusts_absence(run.board, workspace.id, lookup):
        signature = ErrorSignature(
            provider=lookup.provider,
            operation=lookup.operation,
            error_class=ErrorClass.MASS_ABSENCE,
            message="most stored appointments are answered not found at once",
        )
        return Checked(lead=checked.lead, outcome=Outcome.FAILED, lookup=lookup, signature=signature)
    if checked.plan is not None and checked.plan.change is not None and distrusts(run.board, lookup):
        return checked.deferred(DeferReason.WITHHELD)
    return checked


def _had_no_room(checked: Checked) -> bool:
    """Tell whether a lead was put off unasked: sent to the end of the line for that, it might never have its turn."""
    is_unasked = checked.reason is DeferReason.RATE_LIMITED and checked.retry_after is None
    return is_unasked or checked.reason in {DeferReason.BUDGET, DeferReason.DEADLINE}


def _lead_write(checked: Checked, workspace: Workspace, *, run: Run) -> LeadWrite:
    is_deferred = checked.outcome is Outcome.DEFERRED
    state, signature, plan = checked.lead.state, checked.signature, checked.plan
    blamed_elsewhere = (
        signature is not None
        and checked.lookup is not None
        and blames_others(run.board, workspace.id, checked.lookup, signature.error_class)
    )
    attempt = Attempt(
        at=run.started_at if is_deferred and checked.retry_after is None else asked_at(run),
        outcome=checked.outcome,
        reason=signature.key if signature else checked.reason,
        keeps_place=_had_no_room(checked),
        is_blamed_elsewhere=blamed_elsewhere,
        is_absent=plan is not None and plan.is_absent,
        seen_at=run.parts.clock.now(),  # two looks are told apart by it: the first may come late in a long run
        mismatch=plan.mismatch if plan is not None and plan.change is None else None,
    )
    drifted = Attempt(at=run.started_at, outcome=Outcome.DEFERRED)
    refused = replace(attempt, outcome=Outcome.FAILED, reason=ErrorClass.REFUSED_WRITE)
    backoff, jitter = run.policy.backoff, run.parts.random.random()
    return LeadWrite(
        lead=checked.lead,
        outcome=checked.outcome,
        state=next_state(state, attempt, policy=backoff, jitter=jitter),
        state_if_drifted=next_state(state, drifted, policy=backoff, jitter=jitter),
        state_if_refused=next_state(state, refused, policy=backoff, jitter=jitter),
        change=plan.change if plan is not None else None,
        signature=signature,
    )


async def _write(checked: Sequence[Checked], visit: _Visit, *, run: Run) -> Sequence[Checked]:
    """Write what the leads came to and return what became of that; nothing where another run has taken over."""
    workspace = visit.workspace
    trusted = sorted((_trusted(c, workspace, run=run) for c in checked), key=lambda c: c.lead.id)
    writes = tuple(_lead_write(c, workspace, run=run) for c in trusted)
    try:
        receipt = await run.parts.store.leads.write(
            BatchWrite(
                run_id=run.id,
                workspace_id=workspace.id,
                leases=(run.lease, visit.lease),
                started_at=visit.started_at,
                finished_at=run.parts.clock.now(),
                writes=writes,
                counts=Counter(c.outcome for c in trusted),
                not_before=visit.not_before,
            )
        )
    except LeaseLost:
        run.counts.abandoned_batches += 1
        run.stop.lose()
        return ()
    run.visited.add(workspace.id)
    written = tuple(_written(each, receipt) for each in trusted)
    for one, write in zip(written, writes, strict=True):
        _count(one, write, run=run)
    return written


def _written(checked: Checked, receipt: BatchReceipt) -> Checked:
    """Return what became of a lead once its batch is written."""
    lead_id, lookup = checked.lead.id, checked.lookup
    if lead_id in receipt.refused and lookup is not None:
        signature = ErrorSignature(
            provider=lookup.provider,
            operation=lookup.operation,
            error_class=ErrorClass.REFUSED_WRITE,
            message=receipt.refused[lead_id],
        )
        return Checked(lead=checked.lead, outcome=Outcome.FAILED, lookup=lookup, signature=signature)
    return checked.deferred(DeferReason.DRIFTED) if lead_id in receipt.drifted else checked


def _count(checked: Checked, write: LeadWrite, *, run: Run) -> None:
    counts = run.counts
    counts.outcomes[checked.outcome] += 1
    if checked.lookup is not None:
        counts.by_provider[checked.lookup.provider][checked.outcome] += 1
    if isinstance(checked.reason, SkipReason):
        counts.skips[checked.reason] += 1
    if isinstance(checked.reason, DeferReason):
        counts.defers[checked.reason] += 1
    if checked.plan is not None and checked.plan.mismatch is not None:
        counts.mismatches[checked.plan.mismatch] += 1
    if checked.signature is not None:
        counts.fail(checked.signature, checked.lead.workspace_id)
    is_refused = checked.signature is not None and checked.signature.error_class is ErrorClass.REFUSED_WRITE
    state = write.state_if_refused if is_refused else write.state
    if state.quarantined_at is not None and checked.outcome is Outcome.FAILED:
        counts.quarantined += 1
