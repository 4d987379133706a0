"""Fetches a workspace's lists from a provider: leads that the lists settle need no look-up, all others do."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.evidence.bulk_listing import SweepPlan, is_expected, sweep_plan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import LeadId, Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.outcome import DeferReason
from reconcile.errors import OutOfTime, ProviderError, RateLimited
from reconcile.ports import Sweep
from reconcile.redaction import bug_named
from reconcile.services.lookup.admission import CallAdmission, admit
from reconcile.services.lookup.context import LookupContext
from reconcile.services.lookup.lead_check import LeadCheck, plan_answer, rate_limit_reason
from reconcile.services.lookup.limits.rate_reservation import RateReservation

LeadLookups = tuple[Lead, Sequence[Lookup]]


async def sweep(
    wanted: Sequence[LeadLookups],
    reservation: RateReservation,
    *,
    context: LookupContext,
    admission: CallAdmission,
) -> dict[ProviderName, dict[LeadId, LeadCheck]]:
    """Fetch each provider's lists, if that is cheaper than looking up the leads that only this provider can settle.

    Returns the leads that the lists settle. A provider that limits the rate is recorded in *reservation*.
    """
    by_provider: dict[ProviderName, list[Lead]] = {}
    for lead, needed in wanted:
        if len(needed) == 1:
            by_provider.setdefault(needed[0].provider, []).append(lead)
    settled: dict[ProviderName, dict[LeadId, LeadCheck]] = {}
    for provider, leads in by_provider.items():
        plan = await _plan(provider, leads, reservation, context=context, registry=admission.registry)
        if plan is None:
            continue
        found = await _run_sweep(provider, leads, reservation, plan=plan, context=context, admission=admission)
        reservation.spend_calls(provider, plan.most_calls if found is None else found.calls)
        lookup = Lookup(provider=provider, operation=Operation.SWEEP)
        if found is not None and found.mentioned is not None:
            expected = [lead for lead in leads if is_expected(lead, plan, now=context.clock.now())]
            context.controls.note_list(lookup, expected, mentioned=found.mentioned)
        if found is not None and found.answers:
            answered = [(lead, answer) for lead in leads if (answer := found.answers.get(lead.id))]
            settled[provider] = {
                lead.id: plan_answer(lead, answer, lookup, context=context, registry=admission.registry)
                for lead, answer in answered
            }
    await admission.breakers.save()
    return settled


async def _plan(
    provider: ProviderName,
    leads: Sequence[Lead],
    reservation: RateReservation,
    *,
    context: LookupContext,
    registry: BreakerRegistry,
) -> SweepPlan | None:
    """Return a sweep that saves calls, is allowed, and fits the account's budget; else None."""
    workspace, now = reservation.workspace, context.clock.now()
    cost = context.providers[provider].sweep_cost(workspace)
    plan = sweep_plan(leads, cost, now=now) if cost else None
    if plan is None or not context.time.takes_work() or not registry.may_sweep(workspace.id, provider, now):
        return None
    await reservation.reserve(Counter({provider: plan.most_calls}))
    granted = reservation.left(provider)
    if granted < plan.expected_calls:
        return None
    return replace(plan, most_calls=min(plan.most_calls, granted), concurrency=context.limits.lead_concurrency)


async def _run_sweep(  # noqa: PLR0913 - the sweep, and where its result is recorded
    provider: ProviderName,
    leads: Sequence[Lead],
    reservation: RateReservation,
    *,
    plan: SweepPlan,
    context: LookupContext,
    admission: CallAdmission,
) -> Sweep | None:
    lookup, workspace = Lookup(provider=provider, operation=Operation.SWEEP), reservation.workspace
    found: Sweep | None = None
    async with admit(workspace, lookup, admission=admission, context=context) as call:
        if isinstance(call, DeferReason):
            return None
        try:
            with context.in_flight.track():
                found = await context.providers[provider].sweep(
                    leads, workspace, plan=plan, deadline=context.time.deadline
                )
            call.answer()
        except OutOfTime:
            pass
        except RateLimited as error:
            reservation.limited[provider] = rate_limit_reason(error)
        except ProviderError as error:
            call.fail(error.error_class)
            context.telemetry.event(
                "sweep.failed",
                workspace_id=workspace.id,
                provider=provider,
                operation=error.operation,
                error_class=error.error_class,
            )
        except asyncio.CancelledError:
            if not context.in_flight.takes_back_cancellation():
                raise
        except Exception as error:  # noqa: BLE001 - the leads can still be looked up: decision 0004
            call.fail_by_bug()
            context.warnings.warn("internal_error", where=bug_named(error))
    return found
