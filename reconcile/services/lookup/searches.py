"""Searches that found nothing: whether the provider's lists hold what exists is checked by a known booking."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.change import Answer
from reconcile.domain.evidence import Evidence, evidence, stored_booking
from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.lookup import Lookup
from reconcile.domain.outcome import DeferReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import OutOfTime, ProviderError, RateLimited
from reconcile.redaction import bug_named
from reconcile.services.lookup.admission import admit
from reconcile.services.lookup.lead_check import LeadCheck, lookups
from reconcile.services.lookup.rate_reservation import RateReservation
from reconcile.services.run.context import Run

LISTS = {
    ProviderName.HIGHLEVEL: Operation.CONTACT_APPOINTMENTS,
    ProviderName.CALENDLY: Operation.SCHEDULED_EVENTS,
}
"""By which list each provider is searched."""
_MOST_ASKED = 2
"""Bookings that are asked for as a control: the first may be gone."""
_CANDIDATES = 10
_CALLS = 3


async def check_searches(checked: Sequence[LeadCheck], workspace: Workspace, *, run: Run) -> None:
    """Check the lists by which leads were searched for in vain, where they have shown nothing in this run.

    A booking of the workspace that is known is asked for by its id, and looked for in the list that has to hold it.
    Where lists of this provider hold what exists elsewhere, only a share of the workspaces is checked.
    """
    if not any(_is_empty_search(each) for each in checked):
        return
    for provider in sorted(workspace.credentials):
        lists = Lookup(provider=provider, operation=LISTS[provider])
        if not run.controls.wants_control(workspace.id, lists):
            continue
        if run.controls.has_returned(lists) and run.deps.random.random() >= run.policy.list_sample_share:
            continue
        for lead in islice(await _candidates(checked, workspace, provider, run=run), _MOST_ASKED):
            if not run.controls.wants_control(workspace.id, lists):
                break
            await _check(lead, workspace, lists, run=run)


def _is_empty_search(checked: LeadCheck) -> bool:
    """Tell whether a lead without a booking would be verified because nothing was found."""
    is_found = checked.answer is None or checked.answer.appointments
    is_verified = checked.plan is not None and checked.plan.is_verified
    return is_verified and not is_found and stored_booking(checked.lead) is None


async def _candidates(
    checked: Sequence[LeadCheck], workspace: Workspace, provider: ProviderName, *, run: Run
) -> Iterable[Lead]:
    """Return leads whose booking at *provider* stands: those that were seen in this batch, then those seen earlier."""
    seen = [each.lead for each in checked if each.answer and evidence(each.lead, each.answer) is Evidence.SEEN]
    known = await run.deps.store.leads.control_leads(workspace.id, limit=_CANDIDATES)
    found = {each.id: each for each in (*seen, *known) if each.rollup.status is AppointmentStatus.CONFIRMED}
    return (each for each in found.values() if stored_booking(each) and _is_of(each, workspace, provider, run=run))


def _is_of(lead: Lead, workspace: Workspace, provider: ProviderName, *, run: Run) -> bool:
    asked = lookups(lead, workspace, run)
    by_id = {Operation.APPOINTMENT, Operation.INVITEE}
    return not isinstance(asked, str) and [(each.provider, each.operation in by_id) for each in asked] == [
        (provider, True)
    ]


async def _check(lead: Lead, workspace: Workspace, lists: Lookup, *, run: Run) -> None:
    """Ask for one known booking and for the list that has to hold it, where the account's budget allows it."""
    reservation = RateReservation(workspace, run=run)
    await reservation.reserve(Counter({lists.provider: _CALLS}))
    if reservation.left(lists.provider) == _CALLS:
        async with asyncio.TaskGroup() as group:
            # As a task of its own, which SIGTERM may cancel.
            task = group.create_task(_ask(lead, workspace, lists, run=run))
            run.calls.add(task)
            task.add_done_callback(run.calls.discard)
    await reservation.settle()


async def _ask(lead: Lead, workspace: Workspace, lists: Lookup, *, run: Run) -> None:
    """Make the calls and note what they prove; where they fail, they say nothing of the list."""
    async with admit(workspace, lists, run=run) as call:
        if isinstance(call, DeferReason):
            return
        try:
            answer = await run.deps.providers[lists.provider].check_lists(lead, workspace, deadline=run.deadline)
        except (OutOfTime, RateLimited):
            return
        except ProviderError as error:
            call.fail(error.error_class)
            return
        except Exception as error:  # noqa: BLE001 - as in a look-up: decision 0004
            call.fail_by_bug()
            run.warn("internal_error", where=bug_named(error))
            return
        call.answer(is_check=isinstance(answer, Answer))
        if isinstance(answer, Answer):
            run.controls.note_control(workspace.id, lists, answer)
