"""Looks up the leads of a batch within the accounts' rate budgets: by lists where that is cheaper, else one by one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.evidence.bulk_listing import is_standing
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.outcome import DeferReason, Outcome, SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.services.lookup.admission import CallAdmission
from reconcile.services.lookup.bulk_listing import LeadLookups, sweep
from reconcile.services.lookup.context import LookupContext
from reconcile.services.lookup.lead_check import LeadCheck, check_lead, failed_read, lookups
from reconcile.services.lookup.limits.concurrency import AdaptiveLimiter
from reconcile.services.lookup.limits.rate_reservation import RateReservation, calls_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchChecks:
    """The looked up leads. The workspace may be called again at *not_before* (None: at once).

    *resume_after* is how long until its accounts have calls for the leads that got none; None if all got theirs.
    """

    checks: list[LeadCheck]
    not_before: datetime | None
    resume_after: timedelta | None


async def look_up_leads(
    leads: Sequence[Lead], workspace: Workspace, *, context: LookupContext, admission: CallAdmission
) -> BatchChecks:
    """Look up *leads* as far as the accounts of *workspace* have calls left."""
    done: list[LeadCheck] = []
    wanted: list[LeadLookups] = []
    for lead in leads:
        if lead.fault is not None:
            done.append(failed_read(lead, lead.fault))
            continue
        needed = lookups(lead, workspace, context.providers, now=context.clock.now())
        if isinstance(needed, SkipReason):
            done.append(LeadCheck(lead=lead, outcome=Outcome.SKIPPED, reason=needed))
        else:
            wanted.append((lead, needed))
    batch = _BatchLookup(
        workspace=workspace,
        context=context,
        admission=admission,
        reservation=RateReservation(workspace, context=context),
        limiter=AdaptiveLimiter(limit=context.limits.lead_concurrency, initial=1),
    )
    admission.pool.begin(workspace, wanted)
    try:
        done += await batch.look_up(wanted)
    finally:
        admission.pool.end(workspace)
    pauses = [c.retry_after for c in done if c.retry_after is not None]
    pauses += await batch.reservation.settle()
    resume_after = None
    if any(each.reason is DeferReason.BUDGET for each in done) and batch.reservation.all_after is not None:
        resume_after = max([batch.reservation.all_after, *pauses])
    return BatchChecks(
        checks=done,
        not_before=context.clock.now() + max(pauses) if pauses else None,
        resume_after=resume_after,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _BatchLookup:
    """The look-ups of one batch."""

    workspace: Workspace
    context: LookupContext
    admission: CallAdmission
    reservation: RateReservation
    limiter: AdaptiveLimiter

    async def look_up(self, wanted: Sequence[LeadLookups]) -> list[LeadCheck]:
        """Return the leads that lists settle, and look up the others.

        Some of the leads that each provider's lists settle are looked up first, to check the lists: if one of them
        contradicts them, their results are dropped. If they confirm them, the listed leads count as successful
        look-ups; else they must not hide that look-ups fail.
        """
        context, registry, workspace_id = self.context, self.admission.registry, self.workspace.id
        settled = await sweep(wanted, self.reservation, context=context, admission=self.admission)
        rest = [pair for pair in wanted if not any(pair[0].id in each for each in settled.values())]
        done: list[LeadCheck] = []
        proven: set[ProviderName] = set()
        contradicted: set[ProviderName] = set()
        samples = [
            (provider, pair)
            for provider, each in settled.items()
            for pair in self._samples([pair for pair in wanted if pair[0].id in each], has_rest=bool(rest))
        ]
        looked_up = await self._look_up_each([pair for _, pair in samples])
        for (provider, (lead, _)), found in zip(samples, looked_up, strict=True):
            listed = settled[provider].pop(lead.id)
            done.append(listed if found.outcome is Outcome.DEFERRED else found)
            if found.outcome.is_answered:
                (proven if found.plan == listed.plan else contradicted).add(provider)
        for provider in contradicted:
            context.warnings.warn("sweep.contradicted", provider=provider)
            rest += [pair for pair in wanted if pair[0].id in settled[provider]]
            settled[provider].clear()
        proven -= contradicted
        for provider, lookup in {provider: needed[0] for provider, (_, needed) in samples}.items():
            if provider in proven:
                now, count = context.clock.now(), len(settled[provider])
                registry.imply_successes(workspace_id, lookup, count, now, over=len(rest))
        done += await self._look_up_each(rest)
        for provider, each in settled.items():
            done += each.values()
            if provider in proven:
                registry.settle_implied(workspace_id, provider, context.clock.now())
            else:
                lists = Lookup(provider=provider, operation=Operation.SWEEP)
                registry.imply_successes(workspace_id, lists, len(each), context.clock.now())
        return done

    def _samples(self, listed: Sequence[LeadLookups], *, has_rest: bool) -> Sequence[LeadLookups]:
        """Return the leads of one provider's lists that are looked up as well, drawn by chance.

        One of those whose booking was called off or is over is always among them: a new booking of theirs may be in a
        calendar that is not listed. Another one is if leads remain to be looked up anyway, and else now and then.
        """
        random, now = self.context.random, self.context.clock.now()
        standing = [pair for pair in listed if is_standing(pair[0], now=now)]
        past = [pair for pair in listed if not is_standing(pair[0], now=now)]
        is_checked = has_rest or random.random() < self.context.limits.list_sample_share
        return [random.choice(each) for each in (standing if is_checked else [], past) if each]

    async def _look_up_each(self, pairs: Sequence[LeadLookups]) -> list[LeadCheck]:
        """Look up leads concurrently, as far as the budgets allow, and return the results in the same order."""
        await self.reservation.reserve(calls_of(needed for _, needed in pairs))
        results: list[LeadCheck | asyncio.Task[LeadCheck]] = []
        async with asyncio.TaskGroup() as group:
            for lead, needed in pairs:
                if self.reservation.spend(needed):
                    results.append(group.create_task(self._look_up_one(lead, needed)))
                else:
                    nothing = LeadCheck(lead=lead, outcome=Outcome.DEFERRED, lookup=needed[0])
                    results.append(nothing.as_deferred(DeferReason.BUDGET))
        return [each.result() if isinstance(each, asyncio.Task) else each for each in results]

    async def _look_up_one(self, lead: Lead, needed: Sequence[Lookup]) -> LeadCheck:
        """Check one lead once the workspace's limiter admits it: while leads fail, they are checked one at a time."""
        context, limited = self.context, self.reservation.limited
        nothing = LeadCheck(lead=lead, outcome=Outcome.DEFERRED, lookup=needed[0])
        succeeded: bool | None = None
        try:
            slot = await self.limiter.acquire()
            try:
                reason = next((limited[each.provider] for each in needed if each.provider in limited), None)
                if reason is not None:
                    return nothing.as_deferred(reason)
                with context.in_flight.track():
                    checked = await check_lead(lead, self.workspace, needed, context=context, admission=self.admission)
                if checked.lookup is not None and (
                    checked.reason is DeferReason.RATE_LIMITED or checked.reason is DeferReason.BUDGET
                ):
                    limited[checked.lookup.provider] = checked.reason
                if checked.outcome is not Outcome.DEFERRED:
                    succeeded = checked.outcome is not Outcome.FAILED
                return checked
            finally:
                self.limiter.release(slot, succeeded=succeeded)
        except asyncio.CancelledError:
            # SIGTERM cancels the calls that do not end in time, and only those: the lead is left for the next run.
            if not context.in_flight.takes_back_cancellation():
                raise
            return nothing.as_deferred(DeferReason.DEADLINE)
