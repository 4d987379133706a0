"""One workspace's batch: read due leads, look them up, plan, write in one transaction.

The workspace's lease is taken first and fences the write: a process that has lost it writes nothing. No transaction is
open while a provider is called.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.breaker.withholding import blames_others, must_withhold
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.evidence.controls import Controls
from reconcile.domain.evidence.evidence import stored_booking
from reconcile.domain.lead import MismatchKind, last_id
from reconcile.domain.planning.change import Change, Unverified
from reconcile.domain.planning.follow_ups import FollowUpPolicy
from reconcile.domain.planning.outcome import DeferReason, ErrorSignature, Outcome
from reconcile.domain.retry_state import LeadAttempt, never_settles, next_state
from reconcile.domain.run.stop_reason import StopReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, LeaseHeld, LeaseLost
from reconcile.ports import BatchReceipt, BatchWrite, LeadWrite
from reconcile.services.lookup.absences import settle_absences
from reconcile.services.lookup.admission import CallAdmission
from reconcile.services.lookup.batch_lookup import BatchChecks, look_up_leads
from reconcile.services.lookup.claims import settle_claims
from reconcile.services.lookup.lead_check import LeadCheck
from reconcile.services.lookup.searches import check_searches
from reconcile.services.run.change_guard import withhold_held
from reconcile.services.run.context import BatchRequest, BatchResult, RunContext
from reconcile.services.run.counts import Counts
from reconcile.services.run.metrics import annotate_batch_span

_NOT_WRITTEN = "not written: the rows changed at each attempt, or one of them is unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class _BatchFrame:
    """What a batch is written with; *not_before* is when the workspace may be visited again."""

    workspace: Workspace
    lease: Lease
    started_at: datetime
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _WrittenBatch:
    """The leads of a batch after the write, and whether the write released the workspace's lease or found it lost."""

    checks: Sequence[LeadCheck] = ()
    counts: Counts = field(default_factory=Counts)
    gave_up_lease: bool = False
    is_lease_lost: bool = False


async def reconcile_batch(
    workspace: Workspace, batch: BatchRequest, *, context: RunContext, admission: CallAdmission
) -> BatchResult:
    """Check up to ``batch.limit`` due leads of *workspace* and write what came of it.

    Raises StoreUnavailable; a failing lead is an outcome, never an exception.
    """
    with context.telemetry.span("batch", workspace_id=workspace.id, provider=sorted(workspace.credentials)) as span:
        try:
            lease = await context.acquire_workspace_lease(workspace)
        except LeaseHeld:
            context.warnings.warn("workspace.lease_held")
            return BatchResult()
        written = _WrittenBatch()
        try:
            started_at = context.clock.now()
            leads = await context.due_leads(workspace.id, limit=batch.limit, after=batch.after)
            # A visit without due leads is written too: else the workspace would stay first in the queue.
            if not leads and not batch.is_first:
                return BatchResult()
            found = await look_up_leads(leads, workspace, context=context, admission=admission)
            waiting = _waiting(found, batch, context=context)
            checked = [each for each in found.checks if each not in waiting]
            checked = await settle_absences(checked, workspace, context=context, admission=admission)
            checked = await settle_claims(checked, workspace, leads=context.store.leads)
            await check_searches(checked, workspace, context=context, admission=admission)
            frame = _BatchFrame(workspace=workspace, lease=lease, started_at=started_at, not_before=found.not_before)
            written = await _write(checked, frame, context=context, registry=admission.registry)
            annotate_batch_span(span, workspace, written.checks, registry=admission.registry, now=context.clock.now())
            return BatchResult(
                last_id=last_id(leads),
                is_written=not written.is_lease_lost,
                counts=written.counts,
                stop=StopReason.LEASE_LOST if written.is_lease_lost else None,
                resume_after=found.resume_after if waiting else None,
                waiting=_deferred(waiting, workspace),
            )
        finally:
            if not written.gave_up_lease:
                await context.deps.release_lease(lease)


def _withhold_unreliable(checked: LeadCheck, registry: BreakerRegistry) -> LeadCheck:
    """Defer a lead whose planned change relies on a provider that was found to be broken since."""
    lookup = checked.lookup
    if lookup is None or not checked.outcome.is_answered:
        return checked
    if checked.plan is not None and checked.plan.change is not None and must_withhold(registry, lookup):
        return checked.as_deferred(DeferReason.WITHHELD)
    return checked


def _apply_follow_up_policy(checked: LeadCheck, policy: FollowUpPolicy) -> LeadCheck:
    plan = checked.plan
    if plan is None or plan.change is None:
        return checked
    return replace(checked, plan=replace(plan, change=policy.apply(plan.change)))


def _change(checked: LeadCheck) -> Change | None:
    return checked.plan.change if checked.plan is not None else None


def _was_not_attempted(checked: LeadCheck) -> bool:
    """Return whether no call was made for the lead; such a lead keeps its place in the queue."""
    is_without_call = checked.reason is DeferReason.RATE_LIMITED and checked.retry_after is None
    return is_without_call or checked.reason in {DeferReason.BUDGET, DeferReason.DEADLINE}


def _unverified(checked: LeadCheck, workspace: Workspace, controls: Controls) -> Unverified | None:
    """Return why a look-up proves nothing. An empty search proves nothing if a control of that provider failed."""
    if checked.plan is None or checked.lookup is None:
        return None
    is_search = checked.plan.is_verified and stored_booking(checked.lead) is None
    if is_search and any(controls.has_failed(name, workspace.id) for name in workspace.credentials):
        return Unverified.CONTROL_FAILED
    return checked.plan.unverified


def _is_upcoming(checked: LeadCheck, now: datetime) -> bool:
    """Return whether the lead's meeting, as it will be written, starts in the future."""
    change = checked.plan.change if checked.plan is not None else None
    starts_at = (change or checked.lead).rollup.starts_at
    return starts_at is not None and starts_at > now


def _lead_write(
    checked: LeadCheck, workspace: Workspace, *, context: RunContext, registry: BreakerRegistry
) -> LeadWrite:
    is_deferred = checked.outcome is Outcome.DEFERRED
    state, signature, plan = checked.lead.state, checked.signature, checked.plan
    unverified = _unverified(checked, workspace, context.controls)
    blamed_elsewhere = (
        signature is not None
        and checked.lookup is not None
        and blames_others(registry, workspace.id, checked.lookup, signature.error_class, number=checked.number)
    )
    attempt = LeadAttempt(
        at=context.started_at if is_deferred and checked.retry_after is None else context.attempted_at,
        outcome=checked.outcome,
        reason=signature.key if signature else checked.reason or unverified,
        is_verified=plan is not None and unverified is None,
        is_urgent=_is_upcoming(checked, context.clock.now()),
        keeps_place=_was_not_attempted(checked),
        is_blamed_elsewhere=blamed_elsewhere,
        is_absent=plan is not None and plan.is_absent,
        seen_at=checked.seen_at,
        mismatch=plan.standing if plan is not None else None,
        is_restored=plan is not None and plan.change is not None and plan.change.is_restoration,
    )
    backoff, jitter = context.policy.backoff, context.random.random()
    after = next_state(state, attempt, policy=backoff, jitter=jitter)
    write = LeadWrite(
        lead=checked.lead,
        outcome=checked.outcome,
        state=after,
        state_if_drifted=after,
        state_if_refused=after,
        change=_change(checked),
        signature=signature,
    )
    if write.change is None and not attempt.is_verified:
        return write
    drifted = LeadAttempt(at=context.started_at, outcome=Outcome.DEFERRED, reason=DeferReason.DRIFTED)
    refused = replace(attempt, outcome=Outcome.FAILED, reason=ErrorClass.REFUSED_WRITE)
    return replace(
        write,
        state_if_drifted=next_state(state, drifted, policy=backoff, jitter=jitter),
        state_if_refused=next_state(state, refused, policy=backoff, jitter=jitter),
        signature_if_refused=_refusal(checked, ""),
        signature_if_drifted=_refusal(checked, _NOT_WRITTEN) if never_settles(state) else None,
    )


async def _write(
    checked: Sequence[LeadCheck], frame: _BatchFrame, *, context: RunContext, registry: BreakerRegistry
) -> _WrittenBatch:
    """Write the results of the leads; write nothing if another run has taken the lease."""
    workspace = frame.workspace
    checks = sorted((_withhold_unreliable(c, registry) for c in checked), key=lambda c: c.lead.id)
    checks = [_apply_follow_up_policy(each, context.policy.follow_ups) for each in checks]
    checks = await withhold_held(checks, workspace.id, guard=context.guard)
    writes = tuple(_lead_write(c, workspace, context=context, registry=registry) for c in checks)
    try:
        receipt = await context.store.leads.write(
            BatchWrite(
                run_id=context.id,
                workspace_id=workspace.id,
                leases=(context.lease, frame.lease),
                started_at=frame.started_at,
                finished_at=context.clock.now(),
                writes=writes,
                counts=Counter(c.outcome for c in checks),
                not_before=frame.not_before,
                gives_up=(frame.lease,),
            )
        )
    except LeaseLost:
        return _WrittenBatch(is_lease_lost=True)
    written = tuple(_apply_receipt(each, receipt) for each in checks)
    counts = Counts()
    for one, write in zip(written, writes, strict=True):
        counts.add_lead(one, workspace)
        if _has_disappeared(one, now=context.started_at, soon_until=context.started_at + context.due.soon):
            counts.disappeared_soon += 1
        if _is_set_aside(one, write):
            counts.quarantined += 1
    return _WrittenBatch(checks=written, counts=counts, gave_up_lease=frame.lease in receipt.gave_up)


def _waiting(found: BatchChecks, batch: BatchRequest, *, context: RunContext) -> Sequence[LeadCheck]:
    """Return the leads that wait for calls and are looked up later in this run: nothing is written of them now."""
    if not batch.may_postpone or found.resume_after is None or not context.time.takes_work_after(found.resume_after):
        return ()
    return [each for each in found.checks if each.reason is DeferReason.BUDGET]


def _deferred(waiting: Sequence[LeadCheck], workspace: Workspace) -> Counts:
    """Return the counts of waiting leads, in case that they are not looked up in this run."""
    counts = Counts()
    for each in waiting:
        counts.add_lead(each, workspace)
    return counts


def _apply_receipt(checked: LeadCheck, receipt: BatchReceipt) -> LeadCheck:
    """Return the result of a lead after the write of its batch: the database may have refused it."""
    lead_id = checked.lead.id
    if lead_id in receipt.refused and (signature := _refusal(checked, receipt.refused[lead_id])):
        return LeadCheck(lead=checked.lead, outcome=Outcome.FAILED, lookup=checked.lookup, signature=signature)
    if lead_id not in receipt.drifted:
        return checked
    if (
        lead_id not in receipt.held_up
        and never_settles(checked.lead.state)
        and (signature := _refusal(checked, _NOT_WRITTEN))
    ):
        return LeadCheck(lead=checked.lead, outcome=Outcome.FAILED, lookup=checked.lookup, signature=signature)
    return checked.as_deferred(DeferReason.DRIFTED)


def _refusal(checked: LeadCheck, message: str) -> ErrorSignature | None:
    """Return the failure of a look-up whose result the database refused; None if nothing was looked up."""
    if (lookup := checked.lookup) is None:
        return None
    return ErrorSignature(
        provider=lookup.provider, operation=lookup.operation, error_class=ErrorClass.REFUSED_WRITE, message=message
    )


def _is_set_aside(checked: LeadCheck, write: LeadWrite) -> bool:
    """Return whether the lead is in quarantine after this failure."""
    is_refused = checked.signature is not None and checked.signature.error_class is ErrorClass.REFUSED_WRITE
    state = write.state_if_refused if is_refused else write.state
    return state.quarantined_at is not None and checked.outcome is Outcome.FAILED


def _has_disappeared(checked: LeadCheck, *, now: datetime, soon_until: datetime) -> bool:
    """Return whether a booking of the next hours is flagged because no answer proves its state."""
    starts_at = checked.lead.rollup.starts_at
    flagged = {MismatchKind.DISAPPEARED, MismatchKind.OTHER_PERSON}
    is_flagged = checked.plan is not None and checked.plan.standing in flagged
    return is_flagged and starts_at is not None and now <= starts_at < soon_until
