"""Bookings that a provider named absent: believed after a second look-up, with a control (docs/evidence.md)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from reconcile.domain.evidence.controls import Controls
from reconcile.domain.evidence.evidence import Absence, Evidence, absence, evidence, lost_booking
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.planning.plan import plan
from reconcile.domain.workspace import Workspace
from reconcile.services.lookup.admission import CallAdmission
from reconcile.services.lookup.batch_lookup import look_up_leads
from reconcile.services.lookup.context import LookupContext
from reconcile.services.lookup.lead_check import LeadCheck, lookups

_MAX_CONTROLS = 2
"""Bookings that are looked up as a control in one batch: the first may be deleted as well."""
_CANDIDATES = 10


async def settle_absences(
    checked: Sequence[LeadCheck], workspace: Workspace, *, context: LookupContext, admission: CallAdmission
) -> list[LeadCheck]:
    """Plan again the leads whose booking was named absent, with what the same operation has returned in this run.

    If an absence lacks only a control, another known booking of the workspace is looked up. An answer with that booking
    proves that the operation works; it is not written.
    """
    if not any(_is_absent(each) for each in checked):
        return list(checked)
    now = await context.store.database_clock.now()
    for lookup in _lookups_without_control(checked, workspace, now=now, controls=context.controls):
        await _make_control(lookup, workspace, context=context, admission=admission)
    return [_plan_again(each, workspace, now=now, context=context) if _is_absent(each) else each for each in checked]


def _is_absent(checked: LeadCheck) -> bool:
    return checked.answer is not None and evidence(checked.lead, checked.answer) is Evidence.NAMED_ABSENT


def _lookups_without_control(
    checked: Sequence[LeadCheck], workspace: Workspace, *, now: datetime, controls: Controls
) -> list[Lookup]:
    """Return the look-ups whose absences lack a control and nothing else."""
    waiting = {
        each.lookup
        for each in checked
        if each.lookup is not None
        and each.answer is not None
        and lost_booking(each.lead, each.answer)
        and absence(each.lead, has_control=True, now=now) is Absence.BELIEVED
    }
    return sorted((each for each in waiting if not controls.has_proven(workspace.id, each)), key=str)


async def _make_control(
    lookup: Lookup, workspace: Workspace, *, context: LookupContext, admission: CallAdmission
) -> None:
    candidates = await context.store.leads.control_leads(workspace.id, limit=_CANDIDATES)
    usable = [lead for lead in candidates if lookups(lead, workspace, context.providers) == [lookup]]
    for lead in usable[:_MAX_CONTROLS]:
        await look_up_leads([lead], workspace, context=context, admission=admission)
        if context.controls.has_proven(workspace.id, lookup):
            return


def _plan_again(checked: LeadCheck, workspace: Workspace, *, now: datetime, context: LookupContext) -> LeadCheck:
    lead, answer, lookup = checked.lead, checked.answer, checked.lookup
    if answer is None or lookup is None:
        return checked
    belief = absence(lead, has_control=context.controls.has_proven(workspace.id, lookup), now=now)
    planned = plan(lead, answer, now=context.clock.now(), absence=belief)
    return replace(checked, outcome=planned.outcome, plan=planned, reason=planned.skip_reason, seen_at=now)
