"""Renders Calendly's bodies from records, in every variant that its documents and clients have."""

from datetime import UTC, datetime

from reconcile.simulator.calendly.state import ORIGIN, CalendlyState
from reconcile.simulator.faults.effects import alter
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.records import CalendlyEvent, CalendlyInvitee, CalendlyUser, Cancellation
from reconcile.simulator.wire import Json

_TRACKING: Json = dict.fromkeys(
    ("utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term", "salesforce_uuid")
)
_LOCATION = {
    "null": None,
    "type": {"type": "physical", "location": "Example Office"},
    "kind": {"kind": "physical", "location": "Example Office"},
}


def event_body(state: CalendlyState, record: CalendlyEvent, effects: Effects) -> Json:
    """Return a scheduled event."""
    origin = _origin(effects)
    invitees = state.invitees_of(record.id)
    host = state.users[record.user_id]
    body: Json = {
        "uri": f"{origin}/scheduled_events/{record.id}",
        "name": record.name,
        "status": "canceled" if record.cancellation else "active",
        "start_time": _instant(record.starts_at, effects),
        "end_time": _instant(record.ends_at, effects),
        "event_type": f"{origin}/event_types/{record.event_type_id}",
        "location": _LOCATION[str(effects.get(FaultKind.EVENT_LOCATION, "type"))],
        "invitees_counter": {
            "total": len(invitees),
            "active": sum(each.cancellation is None for each in invitees),
            "limit": record.limit,
        },
        "created_at": _instant(record.created_at, effects),
        "updated_at": _instant(record.updated_at, effects),
        "event_memberships": [{"user": f"{origin}/users/{host.id}", "user_email": host.email, "user_name": host.name}],
        "event_guests": [],
        "calendar_event": {"kind": "google", "external_id": f"cal{record.id}"},
    }
    if record.cancellation:
        body["cancellation"] = _cancellation(record.cancellation, effects)
    return alter(body, effects, id_key="uri")


def invitee_body(state: CalendlyState, record: CalendlyInvitee, effects: Effects) -> Json:
    """Return an invitee."""
    origin = _origin(effects)
    body: Json = {
        "uri": _invitee_uri(state, record.id, origin),
        "email": record.email,
        "first_name": None,
        "last_name": None,
        "name": record.name,
        "status": "canceled" if record.cancellation else "active",
        "questions_and_answers": [],
        "timezone": "America/New_York",
        "event": f"{origin}/scheduled_events/{record.event_id}",
        "created_at": _instant(record.created_at, effects),
        "updated_at": _instant(record.updated_at, effects),
        "tracking": _TRACKING,
        "text_reminder_number": None,
        "rescheduled": record.rescheduled,
        "old_invitee": _invitee_uri(state, record.old, origin),
        "new_invitee": _invitee_uri(state, record.new, origin),
        "cancel_url": f"https://calendly.com/cancellations/{record.id}",
        "reschedule_url": f"https://calendly.com/reschedulings/{record.id}",
        "routing_form_submission": None,
        "payment": None,
        "no_show": None,
        "reconfirmation": None,
        "scheduling_method": None,
        "invitee_scheduled_by": None,
    }
    if record.cancellation:
        body["cancellation"] = _cancellation(record.cancellation, effects)
    if record.no_show_at:
        body["no_show"] = {
            key: value for key, value in no_show_body(state, record, effects).items() if key != "invitee"
        }
    return alter(body, effects, id_key="uri")


def no_show_body(state: CalendlyState, record: CalendlyInvitee, effects: Effects) -> Json:
    """Return the no-show record."""
    origin = _origin(effects)
    return {
        "uri": f"{origin}/invitee_no_shows/{record.id}",
        "invitee": _invitee_uri(state, record.id, origin),
        "created_at": _instant(record.no_show_at, effects) if record.no_show_at else None,
    }


def user_body(record: CalendlyUser, effects: Effects) -> Json:
    """Return a user."""
    origin = _origin(effects)
    body: Json = {
        "uri": f"{origin}/users/{record.id}",
        "name": record.name,
        "slug": f"host-{record.id[:8]}",
        "email": record.email,
        "scheduling_url": f"https://calendly.com/host-{record.id[:8]}",
        "timezone": record.time_zone,
        "avatar_url": None,
        "created_at": _instant(record.created_at, effects),
        "updated_at": _instant(record.created_at, effects),
        "current_organization": f"{origin}/organizations/{record.organization_id}",
        "resource_type": "User",
        "locale": "en",
    }
    return alter(body, effects, id_key="uri")


def _origin(effects: Effects) -> str:
    return str(effects.get(FaultKind.URI_ORIGIN, ORIGIN))


def _invitee_uri(state: CalendlyState, invitee_id: str | None, origin: str) -> str | None:
    if invitee_id is None:
        return None
    # A reference to a deleted event leads nowhere, as at Calendly.
    record = state.invitees.get(invitee_id)
    return f"{origin}/scheduled_events/{record.event_id if record else 'deleted'}/invitees/{invitee_id}"


def _cancellation(record: Cancellation, effects: Effects) -> Json:
    body: Json = {
        "canceled_by": record.canceled_by,
        "reason": record.reason,
        "canceler_type": record.canceler_type,
        "created_at": _instant(record.created_at, effects),
    }
    if effects.get(FaultKind.CANCELER_TYPE) == "off":
        del body["canceler_type"]
    return body


def _instant(at: datetime, effects: Effects) -> str:
    precision = {"micro": "microseconds", "milli": "milliseconds", "none": "seconds"}
    timespec = precision[str(effects.get(FaultKind.FRACTION, "micro"))]
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec)}Z"
