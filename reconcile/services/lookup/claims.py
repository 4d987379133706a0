"""Which of several leads a newly found booking is given to: two leads with one e-mail find the same one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from reconcile.domain.appointment import HELD
from reconcile.domain.ids import AppointmentId, LeadId
from reconcile.domain.lead import Lead, MismatchKind
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.workspace import Workspace
from reconcile.ports import Leads
from reconcile.services.lookup.lead_check import LeadCheck

_NEVER = datetime.min.replace(tzinfo=UTC)


async def settle_claims(checked: Sequence[LeadCheck], workspace: Workspace, *, leads: Leads) -> list[LeadCheck]:
    """Leave each booking that is found with one lead: nothing is written for the others, and they are listed.

    The lead that holds it keeps it. Else it goes to one that holds another booking, which it may replace; then to the
    one that wrote last; then to the one with the least id.
    """
    claims = {each.lead.id: booking for each in checked if (booking := _claimed(each)) is not None}
    if not claims:
        return list(checked)
    holders = dict(await leads.holders(workspace.id, sorted(set(claims.values()))))
    for lead in sorted((each.lead for each in checked if each.lead.id in claims), key=_precedence):
        holders.setdefault(claims[lead.id], lead.id)
    return [_settled(each, claims, holders) for each in checked]


def _claimed(checked: LeadCheck) -> AppointmentId | None:
    """Return the booking that a lead is to hold and did not hold before."""
    change = checked.plan.change if checked.plan is not None else None
    if change is None or change.rollup.booking_id in {None, checked.lead.rollup.booking_id}:
        return None
    return AppointmentId(change.rollup.booking_id or "") if change.rollup.status in HELD else None


def _precedence(lead: Lead) -> tuple[bool, float, LeadId]:
    wrote_at = lead.last_inbound_at or _NEVER
    return lead.rollup.booking_id is None, -(wrote_at - _NEVER).total_seconds(), lead.id


def _settled(
    checked: LeadCheck, claims: dict[LeadId, AppointmentId], holders: dict[AppointmentId, LeadId]
) -> LeadCheck:
    booking = claims.get(checked.lead.id)
    if booking is None or checked.plan is None or holders[booking] == checked.lead.id:
        return checked
    kind = MismatchKind.OTHER_LEAD
    outcome = Outcome.UNCHANGED if checked.plan.is_verified else Outcome.DISAPPEARED
    planned = replace(checked.plan, outcome=outcome, change=None, mismatch=kind, standing=kind)
    return replace(checked, outcome=outcome, plan=planned)
