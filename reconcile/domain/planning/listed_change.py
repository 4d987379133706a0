"""A planned change as a list shows it: what differs in one lead's rows, without personal data. Pure.

Booking ids are shown in the one spelling in which they are compared: as stored they may contain a person's address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconcile.domain.appointment import Appointment
from reconcile.domain.evidence.booking_reference import canonical, provider_of
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.lead import LeadStatus, Rollup
from reconcile.domain.planning.change import Change
from reconcile.domain.planning.outcome import Outcome

UNREADABLE = "(unreadable)"
"""In place of a stored booking id that has no provider's form: it may be anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedChange:
    """One lead's change: *before* and *after* hold the fields of the lead that differ, by their JSON names."""

    workspace_id: WorkspaceId
    lead_id: LeadId
    kind: Outcome
    reason: str | None
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    appointments: tuple[Mapping[str, Any], ...] = ()
    follow_ups: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it in plain JSON types."""
        return {
            "workspace": self.workspace_id,
            "lead": self.lead_id,
            "kind": self.kind.value,
            "reason": self.reason,
            "before": dict(self.before),
            "after": dict(self.after),
            "appointments": [dict(each) for each in self.appointments],
            "followUps": list(self.follow_ups),
        }


def listed_change(change: Change) -> ListedChange:
    """Return *change* as a list shows it."""
    lead = change.lead
    before = _fields(lead.status, lead.contact_id, lead.rollup)
    after = _fields(change.status, change.contact_id, change.rollup)
    different = [name for name in before if before[name] != after[name]]
    return ListedChange(
        workspace_id=lead.workspace_id,
        lead_id=lead.id,
        kind=change.kind,
        reason=change.mismatch.value if change.mismatch else None,
        before={name: before[name] for name in different},
        after={name: after[name] for name in different},
        appointments=tuple(
            {"id": listed_reference(each.after.id), "before": _plain(each.before), "after": _plain(each.after)}
            for each in change.appointments
        ),
        follow_ups=tuple(each.kind.value for each in change.effects),
    )


def _fields(status: LeadStatus, contact_id: str | None, rollup: Rollup) -> dict[str, str | None]:
    return {
        "status": status.value,
        "contactId": contact_id,
        "bookingId": listed_reference(rollup.booking_id),
        "provider": rollup.provider.value if rollup.provider else None,
        "bookingStatus": rollup.status.value if rollup.status else None,
        **_instants(rollup),
    }


def _plain(each: Appointment | None) -> dict[str, str | None] | None:
    return None if each is None else {"status": each.status.value, **_instants(each)}


def _instants(of: Rollup | Appointment) -> dict[str, str | None]:
    times = {"startsAt": of.starts_at, "endsAt": of.ends_at, "canceledAt": of.canceled_at}
    return {name: at.isoformat() if at else None for name, at in times.items()}


def listed_reference(booking_id: str | None) -> str | None:
    """Return a stored booking id in the spelling in which it is compared, or UNREADABLE."""
    if booking_id is None:
        return None
    return canonical(booking_id) if provider_of(booking_id) else UNREADABLE
