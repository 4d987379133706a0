"""The change that undoes another one, if the lead still has the values that were written. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.ids import AppointmentId, ProviderName
from reconcile.domain.lead import Lead, LeadStatus
from reconcile.domain.planning.change import AppointmentChange, Change
from reconcile.domain.planning.outcome import Outcome


class Left(StrEnum):
    """Why a lead is not reverted."""

    GONE = "gone"
    """The lead does not exist any more."""
    CHANGED_SINCE = "changed_since"
    """It was written after that run."""
    STATUS_UNKNOWN = "status_unknown"
    """Its previous status was a value of the customer's own, which the ledger does not store."""
    UNREADABLE = "unreadable"
    """Another version of this program stored the change with values that this one does not know."""
    WORKSPACE_BUSY = "workspace_busy"
    """A run has the workspace's lease now; a repeated undo will revert it."""
    REFUSED = "refused"
    """The database refuses the previous value."""


_INSTANTS = ("booking_starts_at", "booking_ends_at", "booking_canceled_at")


@dataclass(frozen=True, slots=True)
class _Facts:
    """One side of a change: the named fields of the lead, and the appointments."""

    fields: Mapping[str, Any]
    appointments: Mapping[AppointmentId, Appointment]


def undone(lead: Lead, *, before: Mapping[str, Any], after: Mapping[str, Any]) -> Change | Left:
    """Return the change from *after* back to *before*, or the reason why there is none."""
    try:
        old, new = _facts(before), _facts(after)
    except (KeyError, TypeError, ValueError):
        return Left.UNREADABLE
    if not _is_still(lead, new, old):
        return Left.CHANGED_SINCE
    if old.fields.get("status") is LeadStatus.OTHER:
        return Left.STATUS_UNKNOWN
    current = {each.id: each for each in lead.appointments}
    rollup = {
        name.removeprefix("booking_") if name != "booking_id" else name: value
        for name, value in old.fields.items()
        if name.startswith("booking_")
    }
    return Change(
        lead=lead,
        outcome=Outcome.UPDATED,
        rollup=replace(lead.rollup, **rollup),
        status=old.fields.get("status", lead.status),
        contact_id=old.fields.get("contact_id", lead.contact_id),
        appointments=tuple(
            AppointmentChange(before=current.get(i), after=each) for i, each in old.appointments.items()
        ),
        removed=tuple(each for i, each in new.appointments.items() if i not in old.appointments),
    )


def _is_still(lead: Lead, new: _Facts, old: _Facts) -> bool:
    rollup = lead.rollup
    now = {
        "status": lead.status,
        "contact_id": lead.contact_id,
        "booking_id": rollup.booking_id,
        "booking_provider": rollup.provider,
        "booking_status": rollup.status,
        "booking_starts_at": rollup.starts_at,
        "booking_ends_at": rollup.ends_at,
        "booking_canceled_at": rollup.canceled_at,
    }
    current = {each.id: each for each in lead.appointments}
    return (
        all(now[name] == value for name, value in new.fields.items())
        and all(current.get(i) == each for i, each in new.appointments.items())
        and not any(i in current for i in old.appointments if i not in new.appointments)
    )


def _facts(side: Mapping[str, Any]) -> _Facts:
    fields = {name: _read(name, value) for name, value in side.items() if name != "appointments"}
    appointments = [_appointment(each) for each in side.get("appointments", ())]
    return _Facts(fields, {each.id: each for each in appointments})


def _read(name: str, value: Any) -> Any:  # noqa: ANN401 - the plain value of any field
    if name == "status":
        return LeadStatus(value)
    if name not in {"contact_id", "booking_id", "booking_provider", "booking_status", *_INSTANTS}:
        raise KeyError(name)
    if value is None:
        return None
    if name == "booking_provider":
        return ProviderName(value)
    if name == "booking_status":
        return AppointmentStatus(value)
    return datetime.fromisoformat(value) if name in _INSTANTS else value


def _appointment(plain: Mapping[str, Any]) -> Appointment:
    return Appointment(
        id=AppointmentId(plain["id"]),
        provider=ProviderName(plain["provider"]),
        status=AppointmentStatus(plain["status"]),
        starts_at=datetime.fromisoformat(plain["starts_at"]),
        ends_at=_instant(plain["ends_at"]),
        canceled_at=_instant(plain["canceled_at"]),
        replaces=plain["replaces"],
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
