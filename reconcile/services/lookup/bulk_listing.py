"""Fetches a workspace's lists from a provider: leads that the lists settle need no look-up, all others do."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconcile.domain.evidence.bulk_listing import SweepPlan, is_expected, sweep_plan
from reconcile.domain.evidence.evidence import stored_booking
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import LeadId, Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import DeferReason
from reconcile.errors import OutOfTime, ProviderError, RateLimited
from reconcile.ports import Sweep
from reconcile.redaction import bug_named
from reconcile.services.lookup.admission import CallAdmission, admit
from reconcile.services.lookup.context import LookupContext
from reconcile.services.lookup.lead_check import LeadCheck, merge_answers, plan_answer, rate_limit_reason
from reconcile.services.lookup.limits.rate_reservation import RateReservation

LeadLookups = tuple[Lead, Sequence[Lookup]]


async def sweep(
    wanted: Sequence[LeadLookups],
    reservation: RateReservation,
    *,
    context: LookupContext,
    admission: CallAdmission,
) -> dict[ProviderName, dict[LeadId, LeadCheck]]:
    """Fetch each provider's lists, if that is cheaper than looking up the leads that they settle.

    Returns the leads that the lists settle, by the provider of their booking. Where another provider is searched for a
    new booking, the lists of both have to settle the lead. A provider that limits the rate is recorded in
    *reservation*.
    """
    workspace, now, registry = reservation.workspace, context.clock.now(), admission.registry
    listable = [
        (lead, needed)
        for lead, needed in wanted
        if (len(needed) == 1 or stored_booking(lead) is not None)
        and all(registry.may_sweep(workspace.id, each.provider, now) for each in needed)
    ]
    groups: dict[ProviderName, _Group] = defaultdict(_Group)
    for lead, (own, *others) in listable:
        groups[own.provider].leads.append(lead)
        for other in others:
            groups[other.provider].searched.append(lead)
    answers: dict[ProviderName, Mapping[LeadId, Answer]] = {}
    for provider, group in groups.items():
        plan = await _plan(provider, group, reservation, context=context)
        if plan is None:
            continue
        found = await _run_sweep(provider, group, reservation, plan=plan, context=context, admission=admission)
        reservation.spend_calls(provider, plan.most_calls if found is None else found.calls)
        if found is not None:
            answers[provider] = found.answers
            if found.mentioned is not None:
                expected = [lead for lead in group.leads if is_expected(lead, plan, now=context.clock.now())]
                lists = Lookup(provider=provider, operation=Operation.SWEEP)
                context.controls.note_list(lists, expected, mentioned=found.mentioned)
    settled: dict[ProviderName, dict[LeadId, LeadCheck]] = {}
    for lead, needed in listable:
        parts = [answers.get(each.provider, {}).get(lead.id) for each in needed]
        known = [each for each in parts if each is not None]
        if len(known) < len(needed):
            continue
        owner = needed[0].provider
        answer = merge_answers(known, is_complete=True, preferred=workspace.preferred)
        lists = Lookup(provider=owner, operation=Operation.SWEEP)
        checked = plan_answer(lead, answer, lists, context=context, registry=registry)
        settled.setdefault(owner, {})[lead.id] = checked
    await admission.breakers.save()
    return settled


@dataclass(frozen=True, slots=True)
class _Group:
    """The leads of one provider's lists: those with a booking of it, and those of whom a new one is searched for."""

    leads: list[Lead] = field(default_factory=list)
    searched: list[Lead] = field(default_factory=list)


async def _plan(
    provider: ProviderName,
    group: _Group,
    reservation: RateReservation,
    *,
    context: LookupContext,
) -> SweepPlan | None:
    """Return a sweep that saves calls and fits the run's time and the account's budget; else None."""
    workspace, now = reservation.workspace, context.clock.now()
    cost = context.providers[provider].sweep_cost(workspace)
    plan = sweep_plan(group.leads, cost, now=now, searched=group.searched) if cost else None
    if plan is None or not context.time.takes_work():
        return None
    await reservation.reserve(Counter({provider: plan.most_calls}))
    granted = reservation.left(provider)
    if granted < plan.expected_calls:
        return None
    return replace(plan, most_calls=min(plan.most_calls, granted), concurrency=context.limits.lead_concurrency)


async def _run_sweep(  # noqa: PLR0913 - the sweep, and where its result is recorded
    provider: ProviderName,
    group: _Group,
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
                    (*group.leads, *group.searched), workspace, plan=plan, deadline=context.time.deadline
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
