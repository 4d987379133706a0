"""A stored change of one lead: written while planning, applied later, and only to the same values."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.formatting import quoted
from reconcile.domain.ids import AppointmentId, LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, LeadStatus, MismatchKind, Rollup
from reconcile.domain.planning.change import AppointmentChange, Change, Effect, EffectKind
from reconcile.domain.planning.outcome import Outcome
from reconcile.errors import ReconcileError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLead:
    """A plan's row for one lead: *facts* is the digest of the planned-from values, looked up at *verified_at*."""

    lead_id: LeadId
    workspace_id: WorkspaceId
    outcome: Outcome
    verified_at: datetime
    facts: str
    change: Mapping[str, Any] | None = None
    is_absent: bool = False
    mismatch: MismatchKind | None = None

    @property
    def is_verified(self) -> bool:
        """Whether its look-up verified the booking."""
        return not self.is_absent if self.change is None else bool(self.change.get("isVerified", True))

    def still_holds(self, lead: Lead, *, salt: str) -> bool:
        """Return whether *lead* has the same values and was not verified since: later results take precedence."""
        return not self.is_overtaken_by(lead) and facts_of(lead, salt=salt) == self.facts

    def is_overtaken_by(self, lead: Lead) -> bool:
        """Return whether *lead* already has the planned values and was verified since."""
        return lead.state.verified_at is not None and lead.state.verified_at > self.verified_at

    def line(self) -> bytes:
        """Return the canonical text from which a plan's hash is computed."""
        words = (self.lead_id, self.workspace_id, self.outcome, self.verified_at.isoformat(), self.facts)
        return _spelled([*words, self.change, self.is_absent, self.mismatch])


def facts_of(lead: Lead, *, salt: str) -> str:
    """Return a digest of what ``Lead.same_facts`` compares; without *salt*, the e-mail in it cannot be guessed."""
    appointments = sorted((_appointment(each) for each in lead.appointments), key=lambda each: str(each["id"]))
    person = [lead.workspace_id, lead.contact_id, lead.email]
    facts = [salt, _rollup(lead.rollup), lead.rollup.is_foreign, lead.status, *person, appointments]
    return hashlib.sha256(_spelled(facts)).hexdigest()


def written_down(change: Change) -> dict[str, Any]:
    """Return *change* without its lead, as plain values.

    A booking id that stays is left out, because its spelling may contain a person's address.
    """
    is_kept = change.rollup.booking_id == change.lead.rollup.booking_id
    return {
        "rollup": {**_rollup(change.rollup), **({"bookingId": None} if is_kept else {})},
        "keepsBookingId": is_kept,
        "status": change.status.value,
        "contactId": change.contact_id,
        "appointments": [_appointment(each.after) for each in change.appointments],
        "effects": [{"kind": e.kind.value, "key": e.key, "appointmentId": e.appointment_id} for e in change.effects],
        "mismatch": change.mismatch,
        "isVerified": change.is_verified,
    }


def read_back(document: Mapping[str, Any], lead: Lead, *, outcome: Outcome) -> Change:
    """Return the stored change; *lead* has the values that it was planned from. Raises ReconcileError if damaged."""
    try:
        return _read_change(document, lead, outcome=outcome)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ReconcileError(f"the planned change of lead {quoted(lead.id)} is damaged; make a new plan") from None


def _read_change(document: Mapping[str, Any], lead: Lead, *, outcome: Outcome) -> Change:
    known = {each.id: each for each in lead.appointments}
    after = [_read_appointment(each) for each in document["appointments"]]
    rollup = _read_rollup(document["rollup"])
    return Change(
        lead=lead,
        outcome=outcome,
        rollup=replace(rollup, booking_id=lead.rollup.booking_id) if document["keepsBookingId"] else rollup,
        status=LeadStatus(document["status"]),
        contact_id=document["contactId"],
        appointments=tuple(AppointmentChange(before=known.get(each.id), after=each) for each in after),
        effects=tuple(
            Effect(kind=EffectKind(e["kind"]), key=e["key"], appointment_id=AppointmentId(e["appointmentId"]))
            for e in document["effects"]
        ),
        mismatch=MismatchKind(document["mismatch"]) if document["mismatch"] else None,
        is_verified=bool(document.get("isVerified", True)),
    )


def _spelled(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()


def _rollup(rollup: Rollup) -> dict[str, Any]:
    return {
        "bookingId": rollup.booking_id,
        "provider": rollup.provider,
        "status": rollup.status,
        **_instants(rollup),
    }


def _appointment(each: Appointment) -> dict[str, Any]:
    return {
        "id": each.id,
        "provider": each.provider,
        "status": each.status,
        "replaces": each.replaces,
        **_instants(each),
    }


def _instants(of: Rollup | Appointment) -> dict[str, str | None]:
    return {"startsAt": _text(of.starts_at), "endsAt": _text(of.ends_at), "canceledAt": _text(of.canceled_at)}


def _read_rollup(document: Mapping[str, Any]) -> Rollup:
    provider, status = document["provider"], document["status"]
    return Rollup(
        booking_id=document["bookingId"],
        provider=ProviderName(provider) if provider else None,
        status=AppointmentStatus(status) if status else None,
        starts_at=_instant(document["startsAt"]),
        ends_at=_instant(document["endsAt"]),
        canceled_at=_instant(document["canceledAt"]),
    )


def _read_appointment(document: Mapping[str, Any]) -> Appointment:
    return Appointment(
        id=AppointmentId(document["id"]),
        provider=ProviderName(document["provider"]),
        status=AppointmentStatus(document["status"]),
        replaces=AppointmentId(document["replaces"]) if document["replaces"] else None,
        starts_at=datetime.fromisoformat(document["startsAt"]),
        ends_at=_instant(document["endsAt"]),
        canceled_at=_instant(document["canceledAt"]),
    )


def _text(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
