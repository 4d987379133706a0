"""The OAuth scope that each call needs, as the providers' API references list them."""

from collections.abc import Mapping

from reconcile.domain.ids import Operation

SCOPES: Mapping[Operation, str] = {
    Operation.APPOINTMENT: "calendars/events.readonly",
    Operation.CALENDAR_EVENTS: "calendars/events.readonly",
    Operation.CALENDARS: "calendars.readonly",
    Operation.CONTACT_APPOINTMENTS: "contacts.readonly",
    Operation.CONTACT_SEARCH: "contacts.readonly",
    Operation.LOCATION: "locations.readonly",
    Operation.SCHEDULED_EVENTS: "scheduled_events:read",
    Operation.SCHEDULED_EVENT: "scheduled_events:read",
    Operation.INVITEES: "scheduled_events:read",
    Operation.INVITEE: "scheduled_events:read",
    Operation.CURRENT_USER: "users:read",
}
_REFUSALS = frozenset({401, 403})


def missing_scope(status: int, message: str, operation: Operation) -> str | None:
    """Return the scope that a token lacks, if the response says that a scope is missing; else None."""
    if status in _REFUSALS and "scope" in message.lower():
        return SCOPES.get(operation)
    return None
