"""Assigns a newly found booking to one of several leads: two leads with the same e-mail find the same booking."""

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
    """Assign each booking that several leads found to one of them; the others become mismatches without a write.

    The lead that already holds the booking keeps it. Else a lead with another booking, which this one may replace,
    comes first; then the lead with the newest message; then the one with the lowest id.
    """
    claims = {each.lead.id: booking for each in checked if (booking := _claimed_booking(each)) is not None}
    if not claims:
        return list(checked)
    holders = dict(await leads.holders(workspace.id, sorted(set(claims.values()))))
    for lead in sorted((each.lead for each in checked if each.lead.id in claims), key=_precedence):
        holders.setdefault(claims[lead.id], lead.id)
    return [_settle(each, claims, holders) for each in checked]


def _claimed_booking(checked: LeadCheck) -> AppointmentId | None:
    """Return the booking that the planned change assigns to a lead, None if there is none."""
    change = checked.plan.change if checked.plan is not None else None
    if change is None or change.rollup.booking_id in {None, checked.lead.rollup.booking_id}:
        return None
    return AppointmentId(change.rollup.booking_id or "") if change.rollup.status in HELD else None


def _precedence(lead: Lead) -> tuple[bool, float, LeadId]:
    wrote_at = lead.last_inbound_at or _NEVER
    return lead.rollup.booking_id is None, -(wrote_at - _NEVER).total_seconds(), lead.id


def _settle(checked: LeadCheck, claims: dict[LeadId, AppointmentId], holders: dict[AppointmentId, LeadId]) -> LeadCheck:
    booking = claims.get(checked.lead.id)
    if booking is None or checked.plan is None or holders[booking] == checked.lead.id:
        return checked
    kind = MismatchKind.OTHER_LEAD
    outcome = Outcome.UNCHANGED if checked.plan.is_verified else Outcome.DISAPPEARED
    planned = replace(checked.plan, outcome=outcome, change=None, mismatch=kind, standing=kind)
    return replace(checked, outcome=outcome, plan=planned)
