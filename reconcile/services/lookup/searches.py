"""Checks of searches that found nothing: a known booking shows whether the provider's lists are complete."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.evidence import Evidence, evidence, stored_booking
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import DeferReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import OutOfTime, ProviderError, RateLimited
from reconcile.ports import Provider
from reconcile.redaction import bug_named
from reconcile.services.lookup.admission import AdmittedCall, CallAdmission, admit
from reconcile.services.lookup.context import LookupContext
from reconcile.services.lookup.lead_check import LeadCheck, lookups
from reconcile.services.lookup.limits.rate_reservation import RateReservation

LISTS = {
    ProviderName.HIGHLEVEL: Operation.CONTACT_APPOINTMENTS,
    ProviderName.CALENDLY: Operation.SCHEDULED_EVENTS,
}
"""The list that a search by contact or e-mail uses, by provider."""
_BY_ID = frozenset({Operation.APPOINTMENT, Operation.INVITEE})
_MAX_CONTROLS = 2
"""Known bookings that are tried as a control: the first may be deleted."""
_CANDIDATES = 10
_CALLS = 3


async def check_searches(
    checked: Sequence[LeadCheck], workspace: Workspace, *, context: LookupContext, admission: CallAdmission
) -> None:
    """Check lists that were empty for every lead of this run.

    A known booking of the workspace is fetched by its id and must be in the list. If lists of this provider were
    complete in other workspaces, only a share of the workspaces is checked.
    """
    if not any(_is_empty_search(each) for each in checked):
        return
    controls = context.controls
    for provider in sorted(workspace.credentials):
        lists = Lookup(provider=provider, operation=LISTS[provider])
        if not controls.wants_control(workspace.id, lists):
            continue
        if controls.has_returned(lists) and context.random.random() >= context.limits.list_sample_share:
            continue
        candidates = await _candidates(checked, workspace, provider, context=context)
        for lead in islice(candidates, _MAX_CONTROLS):
            if controls.wants_control(workspace.id, lists):
                await _check(lead, workspace, lists, context=context, admission=admission)


def _is_empty_search(checked: LeadCheck) -> bool:
    """Return whether a lead without a booking would be verified because nothing was found."""
    is_found = checked.answer is None or checked.answer.appointments
    is_verified = checked.plan is not None and checked.plan.is_verified
    return is_verified and not is_found and stored_booking(checked.lead) is None


async def _candidates(
    checked: Sequence[LeadCheck], workspace: Workspace, provider: ProviderName, *, context: LookupContext
) -> Iterable[Lead]:
    """Return leads with a confirmed booking at *provider*: those seen in this batch, then those seen earlier."""
    seen = [each.lead for each in checked if each.answer and evidence(each.lead, each.answer) is Evidence.SEEN]
    known = await context.store.leads.control_leads(workspace.id, limit=_CANDIDATES)
    found = {each.id: each for each in (*seen, *known) if each.rollup.status is AppointmentStatus.CONFIRMED}
    return (each for each in found.values() if _is_known_by_id(each, workspace, provider, context.providers))


def _is_known_by_id(
    lead: Lead, workspace: Workspace, provider: ProviderName, providers: Mapping[ProviderName, Provider]
) -> bool:
    """Return whether *lead* is looked up by the id of its booking at *provider*."""
    needed = lookups(lead, workspace, providers)
    if stored_booking(lead) is None or isinstance(needed, str):
        return False
    return all(each.provider is provider and each.operation in _BY_ID for each in needed)


async def _check(
    lead: Lead, workspace: Workspace, lists: Lookup, *, context: LookupContext, admission: CallAdmission
) -> None:
    """Fetch one known booking and the list that must contain it, if the account's budget allows it."""
    reservation = RateReservation(workspace, context=context)
    await reservation.reserve(Counter({lists.provider: _CALLS}))
    if reservation.left(lists.provider) == _CALLS:
        async with admit(workspace, lists, admission=admission, context=context) as call:
            if not isinstance(call, DeferReason):
                await _ask(lead, workspace, lists, call=call, context=context)
    await reservation.settle()


async def _ask(lead: Lead, workspace: Workspace, lists: Lookup, *, call: AdmittedCall, context: LookupContext) -> None:
    """Make the calls and record what they prove; failed calls say nothing about the list."""
    provider = context.providers[lists.provider]
    try:
        with context.in_flight.track():
            answer = await provider.check_lists(lead, workspace, deadline=context.time.deadline)
    except (OutOfTime, RateLimited):
        return
    except ProviderError as error:
        call.fail(error.error_class)
        return
    except asyncio.CancelledError:
        if not context.in_flight.takes_back_cancellation():
            raise
        return
    except Exception as error:  # noqa: BLE001 - as in a look-up: decision 0004
        call.fail_by_bug()
        context.warnings.warn("internal_error", where=bug_named(error))
        return
    call.answer(is_check=isinstance(answer, Answer))
    if isinstance(answer, Answer):
        context.controls.note_control(workspace.id, lists, answer)
