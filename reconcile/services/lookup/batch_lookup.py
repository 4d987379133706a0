"""A batch's questions, within its accounts' budgets: by lists where that is cheaper, else lead by lead."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconcile.domain.ids import LeadId, Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.lookup import Lookup
from reconcile.domain.outcome import DeferReason, Outcome, SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.services.lookup.bulk_listing import LeadLookups, sweep
from reconcile.services.lookup.concurrency import AdaptiveLimiter
from reconcile.services.lookup.lead_check import LeadCheck, check_lead, failed_read, lookups
from reconcile.services.lookup.rate_reservation import RateReservation, calls_of
from reconcile.services.run.context import Run


async def look_up_leads(
    leads: Sequence[Lead], workspace: Workspace, *, run: Run
) -> tuple[list[LeadCheck], datetime | None]:
    """Ask about the leads; also return until when the workspace is to be left alone."""
    done: list[LeadCheck] = []
    wanted: list[LeadLookups] = []
    for lead in leads:
        if lead.fault is not None:
            done.append(failed_read(lead, lead.fault))
            continue
        verdict = lookups(lead, workspace, run)
        if isinstance(verdict, SkipReason):
            done.append(LeadCheck(lead=lead, outcome=Outcome.SKIPPED, reason=verdict))
        else:
            wanted.append((lead, verdict))
    questions = _BatchLookup(
        workspace=workspace,
        run=run,
        reservation=RateReservation(workspace, run=run),
        limiter=AdaptiveLimiter(limit=run.policy.lead_concurrency, initial=1),
    )
    run.control_pool.begin(workspace, wanted)
    try:
        done += await questions.look_up(wanted)
    finally:
        run.control_pool.end(workspace)
    pauses = [c.retry_after for c in done if c.retry_after is not None]
    pauses += await questions.reservation.settle()
    return done, run.deps.clock.now() + max(pauses) if pauses else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _BatchLookup:
    """The questions of one batch; *limited* are the providers that have asked to be left alone meanwhile."""

    workspace: Workspace
    run: Run
    reservation: RateReservation
    limiter: AdaptiveLimiter
    limited: set[ProviderName] = field(default_factory=set)

    async def look_up(self, wanted: Sequence[LeadLookups]) -> list[LeadCheck]:
        """Take what lists settle and look up the others.

        Of what each provider's lists settle, one lead is looked up first where others are to be. It keeps the lists
        honest: what it contradicts is not taken. And where it is sound, the leads that it stands for count as sound
        look-ups; else they must not hide that look-ups fail.
        """
        run, workspace_id = self.run, self.workspace.id
        settled = await sweep(wanted, self.workspace, run=run, reservation=self.reservation, limited=self.limited)
        rest = [pair for pair in wanted if not any(pair[0].id in each for each in settled.values())]
        done: list[LeadCheck] = []
        proven: set[ProviderName] = set()
        if settled and (rest or run.deps.random.random() < run.policy.list_sample_share):
            samples = {provider: _first(wanted, each) for provider, each in settled.items()}
            looked_up = await self._look_up_each(list(samples.values()))
            for (provider, (lead, sought)), found in zip(samples.items(), looked_up, strict=True):
                listed = settled[provider].pop(lead.id)
                done.append(listed if found.outcome is Outcome.DEFERRED else found)
                if found.outcome.is_answered and found.plan == listed.plan:
                    proven.add(provider)
                    now, count = run.deps.clock.now(), len(settled[provider])
                    run.registry.imply_successes(workspace_id, sought[0], count, now, over=len(rest))
                elif found.outcome.is_answered:
                    run.warn("sweep.contradicted", provider=provider)
                    rest += [pair for pair in wanted if pair[0].id in settled[provider]]
                    settled[provider].clear()
        done += await self._look_up_each(rest)
        for provider, each in settled.items():
            done += each.values()
            if provider in proven:
                run.registry.settle_implied(workspace_id, provider, run.deps.clock.now())
            else:
                lists = Lookup(provider=provider, operation=Operation.SWEEP)
                run.registry.imply_successes(workspace_id, lists, len(each), run.deps.clock.now())
        return done

    async def _look_up_each(self, pairs: Sequence[LeadLookups]) -> list[LeadCheck]:
        """Look up leads side by side, as far as the budgets allow, and return what they came to in the same order."""
        await self.reservation.reserve(calls_of(sought for _, sought in pairs))
        results: list[LeadCheck | asyncio.Task[LeadCheck]] = []
        async with asyncio.TaskGroup() as group:
            for lead, sought in pairs:
                if self.reservation.spend(sought):
                    results.append(group.create_task(self._look_up_one(lead, sought)))
                else:
                    nothing = LeadCheck(lead=lead, outcome=Outcome.DEFERRED, lookup=sought[0])
                    results.append(nothing.as_deferred(DeferReason.BUDGET))
        return [each.result() if isinstance(each, asyncio.Task) else each for each in results]

    async def _look_up_one(self, lead: Lead, sought: Sequence[Lookup]) -> LeadCheck:
        """Check one lead when the workspace's own gate opens: while its leads fail they go one at a time."""
        run = self.run
        nothing = LeadCheck(lead=lead, outcome=Outcome.DEFERRED, lookup=sought[0])
        task = asyncio.current_task()
        succeeded: bool | None = None
        try:
            slot = await self.limiter.acquire()
            if task:
                run.calls.add(task)
            try:
                if self.limited.intersection(lookup.provider for lookup in sought):
                    return nothing.as_deferred(DeferReason.RATE_LIMITED)
                checked = await check_lead(lead, self.workspace, sought, run=run)
                if checked.reason is DeferReason.RATE_LIMITED and checked.lookup is not None:
                    self.limited.add(checked.lookup.provider)
                if checked.outcome is not Outcome.DEFERRED:
                    succeeded = checked.outcome is not Outcome.FAILED
                return checked
            finally:
                if task:
                    run.calls.discard(task)
                self.limiter.release(slot, succeeded=succeeded)
        except asyncio.CancelledError:
            # SIGTERM cancels the calls that do not end in time, and only those: the lead is left for the next run.
            if run.stop.reason is None or task is None or not task.uncancel() == 0:
                raise
            return nothing.as_deferred(DeferReason.DEADLINE)


def _first(wanted: Sequence[LeadLookups], settled: dict[LeadId, LeadCheck]) -> LeadLookups:
    return next(pair for pair in wanted if pair[0].id in settled)
