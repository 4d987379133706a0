"""Leads that need a person, as lines without personal data."""

from dataclasses import dataclass
from datetime import datetime

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, MismatchKind
from reconcile.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadLine:
    """One lead in a list: since when it waits, and why."""

    lead_id: LeadId
    workspace_id: WorkspaceId
    since: datetime | None
    provider: ProviderName | None
    booking_status: AppointmentStatus | None
    starts_at: datetime | None
    failure_count: int
    reason: str | None
    mismatch: MismatchKind | None


async def quarantined(store: Store, *, workspace_id: WorkspaceId | None, limit: int) -> tuple[LeadLine, ...]:
    """Return the quarantined leads, longest first."""
    leads = await store.leads.quarantined(workspace_id=workspace_id, limit=limit)
    return tuple(_line(lead, since=lead.state.quarantined_at) for lead in leads)


async def mismatched(store: Store, *, workspace_id: WorkspaceId | None, limit: int) -> tuple[LeadLine, ...]:
    """Return the leads with an unrepaired difference, longest first."""
    leads = await store.leads.mismatched(workspace_id=workspace_id, limit=limit)
    return tuple(_line(lead, since=lead.state.mismatch_at) for lead in leads)


def _line(lead: Lead, *, since: datetime | None) -> LeadLine:
    return LeadLine(
        lead_id=lead.id,
        workspace_id=lead.workspace_id,
        since=since,
        provider=lead.rollup.provider,
        booking_status=lead.rollup.status,
        starts_at=lead.rollup.starts_at,
        failure_count=lead.state.failure_count,
        reason=lead.state.reason,
        mismatch=lead.state.mismatch,
    )
