"""A lead's change as plain values for the ledger: the changed fields, before and after."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from reconcile.domain.appointment import Appointment
from reconcile.domain.lead import Rollup
from reconcile.domain.planning.change import Change

Row = dict[str, Any]


def change_documents(change: Change) -> tuple[Row, Row]:
    """Return the fields that a change modifies, before and after, as plain values; never a lead's e-mail address."""
    lead = change.lead
    before = {"status": lead.status.value, "contact_id": lead.contact_id, **_plain_rollup(lead.rollup)}
    after = {"status": change.status.value, "contact_id": change.contact_id, **_plain_rollup(change.rollup)}
    different = [key for key in before if before[key] != after[key]]
    were = [*(each.before for each in change.appointments), *change.removed]
    return (
        {**{key: before[key] for key in different}, **_plain_appointments(were)},
        {**{key: after[key] for key in different}, **_plain_appointments(each.after for each in change.appointments)},
    )


def _plain_rollup(rollup: Rollup) -> Row:
    return {
        "booking_id": rollup.booking_id,
        "booking_provider": rollup.provider.value if rollup.provider else None,
        "booking_status": rollup.status.value if rollup.status else None,
        "booking_starts_at": _text(rollup.starts_at),
        "booking_ends_at": _text(rollup.ends_at),
        "booking_canceled_at": _text(rollup.canceled_at),
    }


def _plain_appointments(appointments: Iterable[Appointment | None]) -> Row:
    found = [
        {
            "id": each.id,
            "provider": each.provider.value,
            "status": each.status.value,
            "starts_at": _text(each.starts_at),
            "ends_at": _text(each.ends_at),
            "canceled_at": _text(each.canceled_at),
            "replaces": each.replaces,
        }
        for each in appointments
        if each is not None
    ]
    return {"appointments": found} if found else {}


def _text(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
