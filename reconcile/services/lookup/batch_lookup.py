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
from reconcile.services.lookup.bulk_listing import Wanted, sweep
from reconcile.services.lookup.concurrency import Gate
from reconcile.services.lookup.lead_check import Checked, check, lookups
from reconcile.services.lookup.rate_reservation import Allowance, calls_of
from reconcile.services.run.context import Run


async def asked(leads: Sequence[Lead], workspace: Workspace, *, run: Run) -> tuple[list[Checked], datetime | None]:
    """Ask about the leads; also return until when the workspace is to be left alone."""
    done: list[Checked] = []
    wanted: list[Wanted] = []
    for lead in leads:
        verdict = lookups(lead, workspace, run)
        if isinstance(verdict, SkipReason):
            done.append(Checked(lead=lead, outcome=Outcome.SKIPPED, reason=verdict))
        else:
            wanted.append((lead, verdict))
    questions = _Questions(
        workspace=workspace,
        run=run,
        allowance=Allowance(workspace, run=run),
        gate=Gate(limit=run.policy.lead_concurrency, initial=1),
    )
    run.control_pool.begin(workspace, wanted)
    try:
        done += await questions.ask(wanted)
    finally:
        run.control_pool.end(workspace)
    pauses = [c.retry_after for c in done if c.retry_after is not None]
    pauses += await questions.allowance.settle()
    return done, run.parts.clock.now() + max(pauses) if pauses else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Questions:
    """The questions of one batch; *limited* are the providers that have asked to be left alone meanwhile."""

    workspace: Workspace
    run: Run
    allowance: Allowance
    gate: Gate
    limited: set[ProviderName] = field(default_factory=set)

    async def ask(self, wanted: Sequence[Wanted]) -> list[Checked]:
        """Take what lists settle and look up the others.

        Of what each provider's lists settle, one lead is looked up first where others are to be. It keeps the lists
        honest: what it contradicts is not taken. And where it is sound, the leads that it stands for count as sound
        look-ups; else they must not hide that look-ups fail.
        """
        run, workspace_id = self.run, self.workspace.id
        settled = await sweep(wanted, self.workspace, run=run, allowance=self.allowance, limited=self.limited)
        rest = [pair for pair in wanted if not any(pair[0].id in each for each in settled.values())]
        done: list[Checked] = []
        proven: set[ProviderName] = set()
        if settled and (rest or run.parts.random.random() < run.policy.list_sample_share):
            samples = {provider: _first(wanted, each) for provider, each in settled.items()}
            looked_up = await self._looked_up(list(samples.values()))
            for (provider, (lead, sought)), found in zip(samples.items(), looked_up, strict=True):
                listed = settled[provider].pop(lead.id)
                done.append(listed if found.outcome is Outcome.DEFERRED else found)
                if found.outcome.is_decisive and found.plan == listed.plan:
                    proven.add(provider)
                    now, count = run.parts.clock.now(), len(settled[provider])
                    run.board.imply_successes(workspace_id, sought[0], count, now, over=len(rest))
                elif found.outcome.is_decisive:
                    run.warn("sweep.contradicted", provider=provider)
                    rest += [pair for pair in wanted if pair[0].id in settled[provider]]
                    settled[provider].clear()
        done += await self._looked_up(rest)
        for provider, each in settled.items():
            done += each.values()
            if provider in proven:
                run.board.settle_implied(workspace_id, provider, run.parts.clock.now())
            else:
                lists = Lookup(provider=provider, operation=Operation.SWEEP)
                run.board.imply_successes(workspace_id, lists, len(each), run.parts.clock.now())
        return done

    async def _looked_up(self, pairs: Sequence[Wanted]) -> list[Checked]:
        """Look up leads side by side, as far as the budgets allow, and return what they came to in the same order."""
        await self.allowance.reserve(calls_of(sought for _, sought in pairs))
        results: list[Checked | asyncio.Task[Checked]] = []
        async with asyncio.TaskGroup() as group:
            for lead, sought in pairs:
                if self.allowance.spend(sought):
                    results.append(group.create_task(self._in_turn(lead, sought)))
                else:
                    nothing = Checked(lead=lead, outcome=Outcome.DEFERRED, lookup=sought[0])
                    results.append(nothing.deferred(DeferReason.BUDGET))
        return [each.result() if isinstance(each, asyncio.Task) else each for each in results]

    async def _in_turn(self, lead: Lead, sought: Sequence[Lookup]) -> Checked:
        """Check one lead when the workspace's own gate opens: while its leads fail they go one at a time."""
        run = self.run
        nothing = Checked(lead=lead, outcome=Outcome.DEFERRED, lookup=sought[0])
        task = asyncio.current_task()
        succeeded: bool | None = None
        try:
            place = await self.gate.enter()
            if task:
                run.calls.add(task)
            try:
                if self.limited.intersection(lookup.provider for lookup in sought):
                    return nothing.deferred(DeferReason.RATE_LIMITED)
                checked = await check(lead, self.workspace, sought, run=run)
                if checked.reason is DeferReason.RATE_LIMITED and checked.lookup is not None:
                    self.limited.add(checked.lookup.provider)
                if checked.outcome is not Outcome.DEFERRED:
                    succeeded = checked.outcome is not Outcome.FAILED
                return checked
            finally:
                if task:
                    run.calls.discard(task)
                self.gate.leave(place, succeeded=succeeded)
        except asyncio.CancelledError:
            # SIGTERM cancels the calls that do not end in time, and only those: the lead is left for the next run.
            if run.stop.reason is None or task is None or not task.uncancel() == 0:
                raise
            return nothing.deferred(DeferReason.DEADLINE)


def _first(wanted: Sequence[Wanted], settled: dict[LeadId, Checked]) -> Wanted:
    return next(pair for pair in wanted if pair[0].id in settled)
