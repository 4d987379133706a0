"""Applies the planned changes of one workspace's leads exactly once, without calling a provider."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconcile.domain.backfill.plan import ItemState, PlanId
from reconcile.domain.backfill.planned_change import PlannedLead, read_back
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.ids import LeadId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.outcome import DeferReason, ErrorSignature, Outcome
from reconcile.domain.retry_state import LeadAttempt, next_state
from reconcile.domain.run.stop_reason import StopReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, LeaseHeld, LeaseLost
from reconcile.ports import BatchReceipt, BatchWrite, LeadWrite, PlanMarks
from reconcile.services.run.context import BatchRequest, BatchResult, RunContext
from reconcile.services.run.counts import Counts

_LOOKED_AT = 20
"""Minimum number of leads for a rate of drift."""


@dataclass(slots=True)
class Applying:
    """Applies one plan; *trouble* says why it stopped, if most rows have drifted."""

    plan_id: PlanId
    trouble: str | None = None
    marks: Counter[ItemState] = field(default_factory=Counter)
    overtaken: int = 0
    """Leads that the schedule has verified meanwhile; they do not count as drift."""

    async def __call__(self, workspace: Workspace, batch: BatchRequest, *, context: RunContext) -> BatchResult:
        """Apply the plan to the leads of *batch*."""
        try:
            lease = await context.acquire_workspace_lease(workspace)
        except LeaseHeld:
            return BatchResult()
        result = BatchResult()
        try:
            with context.telemetry.span("batch", workspace_id=workspace.id, backfill=self.plan_id):
                result = await self._batch(workspace, lease, batch, context=context)
                return result
        finally:
            if not result.is_written:  # otherwise the write has released it
                await context.deps.release_lease(lease)

    async def _batch(
        self, workspace: Workspace, lease: Lease, batch: BatchRequest, *, context: RunContext
    ) -> BatchResult:
        backfills, started_at = context.store.backfills, context.clock.now()
        items = await backfills.planned(self.plan_id, workspace.id, limit=batch.limit, after=batch.after)
        if not items:
            return BatchResult()
        leads = await backfills.leads([item.lead_id for item in items])
        states = {item.lead_id: self._state(item, leads) for item in items}
        apt = [item for item in items if states[item.lead_id] is ItemState.APPLIED]
        writes = tuple(self._write(item, leads[item.lead_id], context=context) for item in apt)
        outcomes = Counter(write.outcome for write in writes)
        outcomes[Outcome.DEFERRED] += len(items) - len(apt)
        write = BatchWrite(
            run_id=context.id,
            workspace_id=workspace.id,
            leases=(context.lease, lease),
            started_at=started_at,
            finished_at=context.clock.now(),
            writes=writes,
            counts=+outcomes,
            marks=PlanMarks(plan_id=self.plan_id, states=states),
            is_visit=False,
            gives_up=(lease,),
        )
        try:
            receipt = await context.store.leads.write(write)
        except LeaseLost:
            return BatchResult(stop=StopReason.LEASE_LOST)
        # Counted with the marks, because a batch that was not written is read again.
        self.overtaken += sum(item.is_overtaken_by(lead) for item in items if (lead := leads.get(item.lead_id)))
        counts = self._count(items, states, receipt)
        self.trouble = self._find_trouble(context.policy.breaker) or self.trouble
        stop = StopReason.BREAKER if self.trouble else None
        return BatchResult(last_id=items[-1].lead_id, is_written=True, counts=counts, stop=stop)

    def _state(self, item: PlannedLead, leads: Mapping[LeadId, Lead]) -> ItemState:
        lead = leads.get(item.lead_id)
        holds = lead is not None and lead.workspace_id == item.workspace_id
        if lead is None or not holds or not item.still_holds(lead, salt=self.plan_id):
            return ItemState.DRIFTED
        return ItemState.APPLIED

    def _write(self, item: PlannedLead, lead: Lead, *, context: RunContext) -> LeadWrite:
        """Return the planned result as if it were written at planning time: both watermarks get that time."""
        change = read_back(item.change, lead, outcome=item.outcome) if item.change is not None else None
        attempt = LeadAttempt(
            at=item.verified_at,
            outcome=item.outcome,
            is_verified=item.is_verified,
            is_urgent=True,  # the schedule decides when the lead is due again, not the plan
            is_absent=item.is_absent,
            mismatch=item.mismatch,
            is_restored=change is not None and change.is_restoration,
        )
        refused = replace(attempt, at=context.started_at, outcome=Outcome.FAILED, reason=ErrorClass.REFUSED_WRITE)
        backoff, jitter = context.policy.backoff, context.random.random()
        return LeadWrite(
            lead=lead,
            outcome=item.outcome,
            state=next_state(lead.state, attempt, policy=backoff, jitter=jitter),
            state_if_drifted=lead.state,
            state_if_refused=next_state(lead.state, refused, policy=backoff, jitter=jitter),
            signature_if_refused=_refusal(""),
            change=change,
        )

    def _count(self, items: Sequence[PlannedLead], states: Mapping[LeadId, ItemState], receipt: BatchReceipt) -> Counts:
        counts = Counts()
        for item in items:
            is_refused = item.lead_id in receipt.refused
            is_apt = states[item.lead_id] is ItemState.APPLIED and item.lead_id not in receipt.drifted
            if is_refused:
                counts.outcomes[Outcome.FAILED] += 1
                counts.fail(_refusal(receipt.refused[item.lead_id]), item.workspace_id)
            elif is_apt:
                counts.outcomes[item.outcome] += 1
            else:
                counts.outcomes[Outcome.DEFERRED] += 1
                counts.defers[DeferReason.DRIFTED] += 1
            if item.lead_id in receipt.held_up:
                continue  # it stays planned, and does not count as drift
            self.marks[ItemState.APPLIED if is_apt else ItemState.DRIFTED] += 1
        return counts

    def _find_trouble(self, policy: BreakerPolicy) -> str | None:
        """Return why the plan must not be applied further, or None."""
        drifted, total = self.marks[ItemState.DRIFTED] - self.overtaken, self.marks.total()
        if total < _LOOKED_AT or drifted < policy.error_rate * total or not policy.is_enforced:
            return None
        return f"{drifted} of {total} leads have changed since the plan was made, or are refused"


def _refusal(text: str) -> ErrorSignature:
    return ErrorSignature(provider="database", operation="write", error_class=ErrorClass.REFUSED_WRITE, message=text)
