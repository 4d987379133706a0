"""Bookings that were named absent: believed after a second look, and only beside a control (docs/evidence.md)."""

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

_MOST_ASKED = 2
"""Bookings that are asked for as a control in one batch: the first may be gone as well."""
_CANDIDATES = 10


async def settle_absences(
    checked: Sequence[LeadCheck], workspace: Workspace, *, context: LookupContext, admission: CallAdmission
) -> list[LeadCheck]:
    """Plan anew what was named absent, now that it is known what else the same operation has returned in this run.

    Where a disappearance waits for nothing but a control, another booking of the workspace that was seen before is
    asked for. What that look-up is answered with proves the operation, and is not written.
    """
    if not any(_is_absent(each) for each in checked):
        return list(checked)
    now = await context.store.time.now()
    for lookup in _unproven(checked, workspace, now=now, controls=context.controls):
        await _ask_for_control(lookup, workspace, context=context, admission=admission)
    return [_planned(each, workspace, now=now, context=context) if _is_absent(each) else each for each in checked]


def _is_absent(checked: LeadCheck) -> bool:
    return checked.answer is not None and evidence(checked.lead, checked.answer) is Evidence.NAMED_ABSENT


def _unproven(checked: Sequence[LeadCheck], workspace: Workspace, *, now: datetime, controls: Controls) -> list[Lookup]:
    """Return the operations of which a control is missing, and nothing else."""
    waiting = {
        each.lookup
        for each in checked
        if each.lookup is not None
        and each.answer is not None
        and lost_booking(each.lead, each.answer)
        and absence(each.lead, has_control=True, now=now) is Absence.BELIEVED
    }
    return sorted((each for each in waiting if not controls.has_proven(workspace.id, each)), key=str)


async def _ask_for_control(
    lookup: Lookup, workspace: Workspace, *, context: LookupContext, admission: CallAdmission
) -> None:
    candidates = await context.store.leads.control_leads(workspace.id, limit=_CANDIDATES)
    askable = [lead for lead in candidates if lookups(lead, workspace, context.providers) == [lookup]]
    for lead in askable[:_MOST_ASKED]:
        await look_up_leads([lead], workspace, context=context, admission=admission)
        if context.controls.has_proven(workspace.id, lookup):
            return


def _planned(checked: LeadCheck, workspace: Workspace, *, now: datetime, context: LookupContext) -> LeadCheck:
    lead, answer, lookup = checked.lead, checked.answer, checked.lookup
    if answer is None or lookup is None:
        return checked
    how_far = absence(lead, has_control=context.controls.has_proven(workspace.id, lookup), now=now)
    planned = plan(lead, answer, now=context.clock.now(), absence=how_far)
    return replace(checked, outcome=planned.outcome, plan=planned, reason=planned.skip_reason, seen_at=now)
