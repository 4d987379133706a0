"""Visits workspaces concurrently: batch after batch, as long as the run may start new work."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.run.request import Progress
from reconcile.domain.run.stop_reason import StopReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import StoreUnavailable
from reconcile.services.lookup.admission import CallAdmission
from reconcile.services.lookup.limits.postponed_visits import PostponedVisits
from reconcile.services.run.batch import reconcile_batch
from reconcile.services.run.context import BatchHandler, BatchRequest, BatchResult, RunContext
from reconcile.services.run.counts import Counts, RunTotals


async def visit_all(
    workspaces: Sequence[Workspace], totals: RunTotals, *, context: RunContext, admission: CallAdmission
) -> None:
    """Visit the workspaces concurrently; if the run's or a provider's breaker is half open, its probes go first.

    The result of each batch is added to *totals* as soon as it is written.
    """
    registry = admission.registry
    visits = _Visits(planned_count=len(workspaces), totals=totals, context=context, admission=admission)
    admission.pool.workspaces = workspaces
    # A workspace whose breaker is not closed may block its slot for a whole time limit, so it comes last.
    troubled = registry.troubled_workspaces()
    workspaces = sorted(workspaces, key=lambda each: each.id in troubled)
    if registry.is_probing():
        first = list(workspaces)
        context.random.shuffle(first)
        await visits.make(first)
        registry.conclude_probe_round(context.clock.now())
        await admission.breakers.save()
    await visits.make(workspaces, may_postpone=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visits:
    """The visits of one run, and the totals that they add to."""

    planned_count: int
    totals: RunTotals
    context: RunContext
    admission: CallAdmission
    waiting: dict[WorkspaceId, Counts] = field(default_factory=dict)
    """Counts of the leads that wait for calls of an account, by workspace."""

    async def make(self, workspaces: Sequence[Workspace], *, may_postpone: bool = False) -> None:
        """Visit *workspaces*, as many at a time as the bulkhead allows.

        With *may_postpone*, a visit whose accounts have no calls left gives up its slot, and continues when they have.
        """
        failures: list[StoreUnavailable] = []

        async def visit(workspace: Workspace) -> None:
            result: BatchResult | None = None
            async with self.admission.bulkhead.slot(workspace.id):
                try:
                    result = await self._visit(workspace, may_postpone=may_postpone)
                except StoreUnavailable as error:
                    # The other visits finish their batch: if they were canceled, their leases would stay held.
                    failures.append(error)
                    self.context.stop.request(StopReason.STORE_UNAVAILABLE)
            if self.context.stop.reason is not None:
                postponed.clear()
            elif result is not None and result.resume_after is not None:
                postponed.add(partial(visit, workspace), after=result.resume_after)

        async with asyncio.TaskGroup() as group:
            postponed = PostponedVisits(group, time=self.context.time)
            for workspace in workspaces:
                group.create_task(visit(workspace))
        for waiting in self.waiting.values():
            self.totals.leads.add(waiting)
        self.waiting.clear()
        if failures:
            raise failures[0]

    async def _visit(self, workspace: Workspace, *, may_postpone: bool) -> BatchResult | None:
        """Visit a workspace, or continue for its waiting leads; return the result of its only batch."""
        request = self.context.request
        handle: BatchHandler = self.context.deps.batch_handler or partial(reconcile_batch, admission=self.admission)
        after: LeadId | None = LeadId("") if request.whole_set else None
        while (refusal := self.context.time.refusal()) is None:
            limit = min(request.leads_per_workspace, self._batch_limit(workspace))
            if waiting := self.waiting.get(workspace.id):
                limit = min(limit, waiting.outcomes.total())
            if limit < 1:
                return None
            is_first = after is None and workspace.id not in self.totals.visited
            batch = BatchRequest(
                limit=limit, after=after, is_first=is_first, may_postpone=may_postpone and not request.whole_set
            )
            result = await handle(workspace, batch, context=self.context)
            if result.is_written:
                self.waiting.pop(workspace.id, None)
            if result.resume_after is not None:
                self.waiting[workspace.id] = result.waiting
            self._add_result(workspace, result)
            after = result.last_id
            if not request.whole_set:
                return result
            if after is None:
                return None
        self.context.stop.request(refusal)
        return None

    def _batch_limit(self, workspace: Workspace) -> int:
        providers = workspace.credentials or tuple(ProviderName)
        return self.admission.registry.batch_limit(workspace.id, providers, self.context.clock.now())

    def _add_result(self, workspace: Workspace, result: BatchResult) -> None:
        """Add the result of a batch to the totals, and stop the run if the batch asks for it."""
        totals, stop = self.totals, self.context.stop
        if result.is_written:
            totals.visited.add(workspace.id)
            totals.leads.add(result.counts)
        if result.stop is StopReason.LEASE_LOST:
            totals.abandoned_batches += 1
            stop.note_lease_lost()
        elif result.stop is not None:
            stop.request(result.stop)
        if self.context.deps.on_progress is not None:
            self.context.deps.on_progress(
                Progress(
                    workspaces_done=len(totals.visited),
                    workspaces_planned=self.planned_count,
                    leads_done=totals.leads.outcomes.total(),
                    errors=sum(totals.leads.signatures.values()),
                )
            )
