"""One attempt at a workspace by lists: whom they settle is not looked up. Whatever goes wrong, the others are."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from reconcile.domain.bulk_listing import SweepPlan, is_expected, sweep_plan
from reconcile.domain.ids import LeadId, Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.lookup import Lookup
from reconcile.domain.outcome import DeferReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import OutOfTime, ProviderError, RateLimited
from reconcile.ports import Sweep
from reconcile.redaction import bug_named
from reconcile.services.lookup.admission import admit
from reconcile.services.lookup.lead_check import LeadCheck, plan_answer
from reconcile.services.lookup.rate_reservation import RateReservation
from reconcile.services.run.context import Run

LeadLookups = tuple[Lead, Sequence[Lookup]]


async def sweep(
    wanted: Sequence[LeadLookups],
    workspace: Workspace,
    *,
    run: Run,
    reservation: RateReservation,
    limited: set[ProviderName],
) -> dict[ProviderName, dict[LeadId, LeadCheck]]:
    """Ask each provider for lists, where that is cheaper than looking up the leads that only it is asked about.

    Returns the leads that these have settled; a provider that asks to be left alone is added to *limited*.
    """
    by_provider: dict[ProviderName, list[Lead]] = {}
    for lead, sought in wanted:
        if len(sought) == 1:
            by_provider.setdefault(sought[0].provider, []).append(lead)
    settled: dict[ProviderName, dict[LeadId, LeadCheck]] = {}
    for provider, leads in by_provider.items():
        plan = await _plan(provider, leads, workspace, run=run, reservation=reservation)
        if plan is None:
            continue
        found = await _run_sweep(provider, leads, workspace, plan=plan, run=run, limited=limited)
        reservation.spend_calls(provider, plan.most_calls if found is None else found.calls)
        lookup = Lookup(provider=provider, operation=Operation.SWEEP)
        if found is not None and found.mentioned is not None:
            expected = [lead for lead in leads if is_expected(lead, plan)]
            run.controls.note_list(lookup, expected, mentioned=found.mentioned)
        if found is not None and found.answers:
            answered = [(lead, answer) for lead in leads if (answer := found.answers.get(lead.id))]
            settled[provider] = {lead.id: plan_answer(lead, answer, lookup, run=run) for lead, answer in answered}
    await run.save_breakers()
    return settled


async def _plan(
    provider: ProviderName, leads: Sequence[Lead], workspace: Workspace, *, run: Run, reservation: RateReservation
) -> SweepPlan | None:
    """Return a sweep that is worth it, may be made, and is within the account's budget."""
    cost, now = run.deps.providers[provider].sweep_cost(workspace), run.deps.clock.now()
    plan = sweep_plan(leads, cost, now=now) if cost else None
    if plan is None or not run.takes_work() or not run.registry.may_sweep(workspace.id, provider, now):
        return None
    await reservation.reserve(Counter({provider: plan.most_calls}))
    granted = reservation.left(provider)
    return replace(plan, most_calls=min(plan.most_calls, granted)) if granted >= plan.expected_calls else None


async def _run_sweep(  # noqa: PLR0913 - the sweep, and whom to tell
    provider: ProviderName,
    leads: Sequence[Lead],
    workspace: Workspace,
    *,
    plan: SweepPlan,
    run: Run,
    limited: set[ProviderName],
) -> Sweep | None:
    lookup, task = Lookup(provider=provider, operation=Operation.SWEEP), asyncio.current_task()
    found: Sweep | None = None
    async with admit(workspace, lookup, run=run) as call:
        if isinstance(call, DeferReason):
            return None
        if task:
            run.calls.add(task)
        try:
            found = await run.deps.providers[provider].sweep(leads, workspace, plan=plan, deadline=run.deadline)
            call.answer()
        except OutOfTime:
            pass
        except RateLimited:
            limited.add(provider)
        except ProviderError as error:
            call.fail(error.error_class)
            run.deps.telemetry.event(
                "sweep.failed",
                workspace_id=workspace.id,
                provider=provider,
                operation=error.operation,
                error_class=error.error_class,
            )
        except asyncio.CancelledError:
            # As in a look-up: SIGTERM cancels the calls that do not end in time, and only those.
            is_ours = run.stop.reason is not None and not run.stop.is_cut_off
            if not is_ours or task is None or not task.uncancel() == 0:
                raise
        except Exception as error:  # noqa: BLE001 - the leads can still be looked up: decision 0004
            call.fail_by_bug()
            run.warn("internal_error", where=bug_named(error))
        finally:
            if task:
                run.calls.discard(task)
    return found
