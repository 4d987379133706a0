"""One workspace's leads: read, checked side by side, written in one transaction."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.breaker.withholding import blames_others, distrusts
from reconcile.domain.change import Unverified
from reconcile.domain.evidence import stored_booking
from reconcile.domain.ids import LeadId
from reconcile.domain.lead import MismatchKind, last_id
from reconcile.domain.lease import Lease
from reconcile.domain.outcome import DeferReason, ErrorSignature, Outcome, SkipReason
from reconcile.domain.retry_state import LeadAttempt, never_settles, next_state
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, LeaseHeld, LeaseLost
from reconcile.ports import BatchReceipt, BatchWrite, LeadWrite, Span
from reconcile.services.lookup.absences import settle_absences
from reconcile.services.lookup.batch_lookup import look_up_leads
from reconcile.services.lookup.claims import settle_claims
from reconcile.services.lookup.lead_check import LeadCheck, attempted_at
from reconcile.services.run.context import BatchResult, Run
from reconcile.services.run.metrics import annotate_batch_span

_STUCK = "rows that cannot be read, or that somebody writes all the time, stand in the way of each write"


@dataclass(frozen=True, slots=True, kw_only=True)
class _BatchContext:
    """One batch's frame; *not_before* is until when the workspace is to be left alone afterwards."""

    workspace: Workspace
    lease: Lease
    started_at: datetime
    not_before: datetime | None


async def reconcile_batch(workspace: Workspace, *, run: Run, limit: int, after: LeadId | None = None) -> BatchResult:
    """Check up to *limit* due leads of *workspace* and write what came of it."""
    with run.deps.telemetry.span("batch", workspace_id=workspace.id, provider=sorted(workspace.credentials)) as span:
        return await _batch(workspace, span, run=run, limit=limit, after=after)


async def _batch(workspace: Workspace, span: Span, *, run: Run, limit: int, after: LeadId | None) -> BatchResult:
    leases = run.deps.store.leases
    try:
        lease = await leases.acquire(f"workspace:{workspace.id}", holder=run.holder, ttl=run.lease_ttl)
    except LeaseHeld:
        run.warn("workspace.lease_held")
        return BatchResult()
    is_given_up = False
    try:
        started_at = run.deps.clock.now()
        leads = await run.deps.store.leads.due_leads(
            workspace.id,
            now=run.started_at,
            policy=run.policy.due,
            limit=limit,
            after=after,
            wrote_since=run.wrote_since,
        )
        if not leads and (after is not None or workspace.id in run.visited):
            return BatchResult()
        checked, not_before = await look_up_leads(leads, workspace, run=run)
        checked = await settle_absences(checked, workspace, run=run)
        checked = await settle_claims(checked, workspace, run=run)
        visit = _BatchContext(workspace=workspace, lease=lease, started_at=started_at, not_before=not_before)
        # Also without leads: the workspace would stay the first in the queue for rows that are not due by themselves.
        written, is_given_up = await _write(checked, visit, run=run)
        annotate_batch_span(span, workspace, written, run=run)
        return BatchResult(lead_count=len(leads), last_id=last_id(leads))
    finally:
        if not is_given_up:
            await run.deps.release_lease(lease)


def _withhold_distrusted(checked: LeadCheck, *, run: Run) -> LeadCheck:
    """Withhold what was planned from a provider that has turned out to be broken since."""
    lookup = checked.lookup
    if lookup is None or not checked.outcome.is_answered:
        return checked
    if checked.plan is not None and checked.plan.change is not None and distrusts(run.registry, lookup):
        return checked.as_deferred(DeferReason.WITHHELD)
    return checked


def _was_not_attempted(checked: LeadCheck) -> bool:
    """Tell whether a lead was put off unasked: sent to the end of the line for that, it might never have its turn."""
    is_unasked = checked.reason is DeferReason.RATE_LIMITED and checked.retry_after is None
    return is_unasked or checked.reason in {DeferReason.BUDGET, DeferReason.DEADLINE}


def _unverified(checked: LeadCheck, *, run: Run) -> Unverified | None:
    """Return why a look-up proves nothing; an empty list of a provider whose lists leave out what exists does not."""
    if checked.plan is None or checked.lookup is None:
        return None
    is_search = checked.plan.is_verified and stored_booking(checked.lead) is None
    if is_search and run.controls.has_failed(checked.lookup.provider):
        return Unverified.CONTROL_FAILED
    return checked.plan.unverified


def _is_ahead(checked: LeadCheck, now: datetime) -> bool:
    """Tell whether the lead's meeting, as it is to be written, is still to come."""
    change = checked.plan.change if checked.plan is not None else None
    starts_at = (change or checked.lead).rollup.starts_at
    return starts_at is not None and starts_at > now


def _lead_write(checked: LeadCheck, workspace: Workspace, *, run: Run) -> LeadWrite:
    is_deferred = checked.outcome is Outcome.DEFERRED
    state, signature, plan = checked.lead.state, checked.signature, checked.plan
    unverified = _unverified(checked, run=run)
    blamed_elsewhere = (
        signature is not None
        and checked.lookup is not None
        and blames_others(run.registry, workspace.id, checked.lookup, signature.error_class, number=checked.number)
    )
    attempt = LeadAttempt(
        at=run.started_at if is_deferred and checked.retry_after is None else attempted_at(run),
        outcome=checked.outcome,
        reason=signature.key if signature else checked.reason or unverified,
        is_verified=plan is not None and unverified is None,
        is_urgent=_is_ahead(checked, run.deps.clock.now()),
        keeps_place=_was_not_attempted(checked),
        is_blamed_elsewhere=blamed_elsewhere,
        is_absent=plan is not None and plan.is_absent,
        seen_at=checked.seen_at,
        mismatch=plan.standing if plan is not None else None,
        is_restored=plan is not None and plan.change is not None and plan.change.is_restoration,
    )
    backoff, jitter = run.policy.backoff, run.deps.random.random()
    after = next_state(state, attempt, policy=backoff, jitter=jitter)
    write = LeadWrite(
        lead=checked.lead,
        outcome=checked.outcome,
        state=after,
        state_if_drifted=after,
        state_if_refused=after,
        change=plan.change if plan is not None else None,
        signature=signature,
    )
    if write.change is None:
        return write
    drifted = LeadAttempt(at=run.started_at, outcome=Outcome.DEFERRED, reason=DeferReason.DRIFTED)
    refused = replace(attempt, outcome=Outcome.FAILED, reason=ErrorClass.REFUSED_WRITE)
    return replace(
        write,
        state_if_drifted=next_state(state, drifted, policy=backoff, jitter=jitter),
        state_if_refused=next_state(state, refused, policy=backoff, jitter=jitter),
        signature_if_refused=_refusal(checked, ""),
    )


async def _write(checked: Sequence[LeadCheck], visit: _BatchContext, *, run: Run) -> tuple[Sequence[LeadCheck], bool]:
    """Write what the leads came to; return what became of that, and whether the workspace's lease ended with it.

    Nothing is written where another run has taken over.
    """
    workspace = visit.workspace
    trusted = sorted((_withhold_distrusted(c, run=run) for c in checked), key=lambda c: c.lead.id)
    writes = tuple(_lead_write(c, workspace, run=run) for c in trusted)
    try:
        receipt = await run.deps.store.leads.write(
            BatchWrite(
                run_id=run.id,
                workspace_id=workspace.id,
                leases=(run.lease, visit.lease),
                started_at=visit.started_at,
                finished_at=run.deps.clock.now(),
                writes=writes,
                counts=Counter(c.outcome for c in trusted),
                not_before=visit.not_before,
                gives_up=(visit.lease,),
            )
        )
    except LeaseLost:
        run.counts.abandoned_batches += 1
        run.stop.note_lease_lost()
        return (), False
    run.visited.add(workspace.id)
    written = tuple(_apply_receipt(each, receipt) for each in trusted)
    for one, write in zip(written, writes, strict=True):
        _count(one, write, run=run)
    return written, visit.lease in receipt.gave_up


def _apply_receipt(checked: LeadCheck, receipt: BatchReceipt) -> LeadCheck:
    """Return what became of a lead once its batch is written."""
    lead_id = checked.lead.id
    if lead_id in receipt.refused and (signature := _refusal(checked, receipt.refused[lead_id])):
        return LeadCheck(lead=checked.lead, outcome=Outcome.FAILED, lookup=checked.lookup, signature=signature)
    if lead_id not in receipt.drifted:
        return checked
    if (
        lead_id not in receipt.held_up
        and never_settles(checked.lead.state)
        and (signature := _refusal(checked, _STUCK))
    ):
        return LeadCheck(lead=checked.lead, outcome=Outcome.FAILED, lookup=checked.lookup, signature=signature)
    return checked.as_deferred(DeferReason.DRIFTED)


def _refusal(checked: LeadCheck, message: str) -> ErrorSignature | None:
    """Return the kind of failure that it is where the database does not take what a lookup came to."""
    if (lookup := checked.lookup) is None:
        return None
    return ErrorSignature(
        provider=lookup.provider, operation=lookup.operation, error_class=ErrorClass.REFUSED_WRITE, message=message
    )


def _count(checked: LeadCheck, write: LeadWrite, *, run: Run) -> None:
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
    if _has_disappeared(checked, now=run.started_at, soon_until=run.started_at + run.policy.due.soon):
        counts.disappeared_soon += 1
    if checked.signature is not None:
        counts.fail(checked.signature, checked.lead.workspace_id)
    is_refused = checked.signature is not None and checked.signature.error_class is ErrorClass.REFUSED_WRITE
    state = write.state_if_refused if is_refused else write.state
    if state.quarantined_at is not None and checked.outcome is Outcome.FAILED:
        counts.quarantined += 1


def _has_disappeared(checked: LeadCheck, *, now: datetime, soon_until: datetime) -> bool:
    """Tell whether a booking of the next hours is flagged because nothing proves where it stands."""
    starts_at = checked.lead.rollup.starts_at
    flagged = {MismatchKind.DISAPPEARED, MismatchKind.OTHER_PERSON}
    is_flagged = checked.plan is not None and checked.plan.standing in flagged
    return is_flagged and starts_at is not None and now <= starts_at < soon_until
