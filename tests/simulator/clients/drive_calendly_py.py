"""Run in the environment of a client generated from Calendly's description: every answer is read by its schema."""

import json
import sys
from typing import Any

import calendly
from calendly.models import operations, shared


def main(world: dict[str, str]) -> dict[str, Any]:
    security = shared.Security(personal_access_token=f"Bearer {world['token']}")
    client = calendly.Calendly(security=security, server_url=world["url"])
    me = client.users.me().me_200_application_json_object.resource
    whose = {"user": world["user"], "organization": me.current_organization}
    events: list[Any] = []
    token = None
    while True:
        request = operations.ListScheduledEventsRequest(
            **whose, invitee_email=world["email"], count=1, sort="start_time:asc", page_token=token
        )
        page = client.scheduled_events.list(request).scheduled_events_response
        events += page.collection
        token = page.pagination.next_page_token
        if token is None:
            break
    event = client.scheduled_events.get_event_by_uuid(operations.GetScheduledEventsUUIDRequest(uuid=world["event"]))
    invitees = client.scheduled_events.get_invitees(
        operations.GetInviteesRequest(uuid=world["event"], email=world["email"], count=1)
    )
    one = client.scheduled_events.get_invitees_by_uuid(
        operations.GetScheduledEventsEventUUIDInviteesInviteeUUIDRequest(
            event_uuid=world["event"], invitee_uuid=world["invitee"]
        )
    )
    no_show = client.scheduled_events.get_no_show(operations.GetInviteeNoShowRequest(uuid=world["invitee"]))
    gone = client.scheduled_events.get_event_by_uuid(operations.GetScheduledEventsUUIDRequest(uuid="gone"))
    alone = client.scheduled_events.list(operations.ListScheduledEventsRequest(user=world["user"]))
    refusal = alone.list_scheduled_events_403_application_json_object
    invitee = one.get_scheduled_events_event_uuid_invitees_invitee_uuid_200_application_json_object.resource
    return {
        "user": me.uri,
        "events": [[each.uri, each.status.value, each.start_time.isoformat()] for each in events],
        "event": event.get_scheduled_events_uuid_200_application_json_object.resource.uri,
        "invitees": [each.uri for each in invitees.get_invitees_200_application_json_object.collection],
        "invitee": [invitee.uri, invitee.status.value, invitee.no_show.uri],
        "no_show": no_show.get_invitee_no_show_200_application_json_object.resource.invitee,
        "gone": [gone.status_code, gone.error_response.title],
        "alone": [alone.status_code, refusal.message.value if refusal else None],
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(json.loads(sys.argv[1]))))
