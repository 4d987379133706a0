"""Values with sensible facts, of which a test names only what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.ids import AppointmentId, LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, LeadState, LeadStatus, Rollup
from reconcile.domain.planning.change import Change

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def an_appointment(appointment_id: str = "appt-1", **facts: Any) -> Appointment:
    """Return an upcoming confirmed appointment at GHL."""
    defaults: dict[str, Any] = {
        "provider": ProviderName.HIGHLEVEL,
        "status": AppointmentStatus.CONFIRMED,
        "starts_at": NOW + DAY,
    }
    return Appointment(id=AppointmentId(appointment_id), **(defaults | facts))


def a_lead(lead_id: str = "lead-1", **facts: Any) -> Lead:
    """Return a lead without a booking."""
    return Lead(id=LeadId(lead_id), workspace_id=facts.pop("workspace_id", WorkspaceId("ws-1")), **facts)


def a_booked_lead(appointment: Appointment | None = None, **facts: Any) -> Lead:
    """Return a lead whose rows agree that *appointment* is booked."""
    booked = appointment or an_appointment()
    defaults: dict[str, Any] = {
        "status": LeadStatus.MEETING_BOOKED,
        "appointments": (booked,),
        "rollup": Rollup(
            booking_id=booked.id,
            provider=booked.provider,
            status=booked.status,
            starts_at=booked.starts_at,
            ends_at=booked.ends_at,
            canceled_at=booked.canceled_at,
        ),
    }
    return a_lead(**(defaults | facts))


def applied(change: Change, state: LeadState | None = None) -> Lead:
    """Return the lead as the store holds it once *change* is written."""
    rows = {a.id: a for a in change.lead.appointments} | {c.after.id: c.after for c in change.appointments}
    for gone in change.removed:
        del rows[gone.id]
    return replace(
        change.lead,
        rollup=change.rollup,
        status=change.status,
        contact_id=change.contact_id,
        appointments=tuple(rows.values()),
        state=state or change.lead.state,
    )
