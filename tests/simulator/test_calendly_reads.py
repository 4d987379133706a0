"""What Calendly answers when nothing is switched."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.simulator import FaultKind, World
from tests.simulator.conftest import ANN, SLOT, Caller

USER = "https://api.calendly.com/users/user-1"
ORGANIZATION = "https://api.calendly.com/organizations/org-1"


async def uris(calendly: Caller, **query: Any) -> list[str]:
    response = await calendly.get("/scheduled_events", **query)
    assert response.status_code == 200, response.text
    return [each["uri"].rsplit("/", 1)[1] for each in response.json()["collection"]]


async def test_an_event_is_wrapped_in_resource(calendly: Caller) -> None:
    response = await calendly.get("/scheduled_events/ev-1")

    event = response.json()["resource"]
    assert event["uri"] == "https://api.calendly.com/scheduled_events/ev-1"
    assert event["status"] == "active"
    assert event["start_time"] == "2026-03-10T15:00:00.000000Z"
    assert event["invitees_counter"] == {"total": 1, "active": 1, "limit": 1}


async def test_an_invitee_belongs_to_its_event(world: World, calendly: Caller) -> None:
    world.calendly.add_event("user-1", id="ev-2", starts_at=SLOT)

    invitee = await calendly.record("/scheduled_events/ev-1/invitees/inv-1")

    assert invitee["uri"] == "https://api.calendly.com/scheduled_events/ev-1/invitees/inv-1"
    assert (await calendly.get("/scheduled_events/ev-2/invitees/inv-1")).status_code == 404


async def test_a_cancellation_reaches_event_and_invitee(world: World, calendly: Caller) -> None:
    world.calendly.cancel("inv-1")

    event, invitee = [await calendly.record(f"/scheduled_events/ev-1{path}") for path in ("", "/invitees/inv-1")]

    assert event["status"] == invitee["status"] == "canceled"
    assert invitee["cancellation"]["canceler_type"] == "invitee"
    assert event["invitees_counter"]["active"] == 0


async def test_a_group_event_stays_active_when_one_invitee_cancels(world: World, calendly: Caller) -> None:
    world.calendly.add_event("user-1", id="group", starts_at=SLOT, limit=3)
    for number in range(2):
        world.calendly.invite("group", id=f"place-{number}", email=f"{number}@example.com")
    world.calendly.cancel("place-0")

    event = await calendly.record("/scheduled_events/group")
    invitees = (await calendly.get("/scheduled_events/group/invitees")).json()["collection"]

    assert event["status"] == "active"
    assert event["invitees_counter"] == {"total": 2, "active": 1, "limit": 3}
    assert [each["status"] for each in invitees] == ["canceled", "active"]


async def test_a_reschedule_makes_a_new_event_and_links_both_ways(world: World, calendly: Caller) -> None:
    new = world.calendly.reschedule("inv-1", SLOT + timedelta(days=1))

    old_body = await calendly.record("/scheduled_events/ev-1/invitees/inv-1")
    new_body = await calendly.record(f"/scheduled_events/{new.event_id}/invitees/{new.id}")

    assert old_body["status"] == "canceled"
    assert old_body["rescheduled"] is True
    assert old_body["new_invitee"] == new_body["uri"]
    assert new_body["old_invitee"] == old_body["uri"]
    assert new_body["status"] == "active"


async def test_a_chain_of_reschedules_can_be_a_loop(world: World, calendly: Caller) -> None:
    new = world.calendly.reschedule("inv-1", SLOT)
    world.calendly.link(new.id, "inv-1")

    old_body = await calendly.record("/scheduled_events/ev-1/invitees/inv-1")
    new_body = await calendly.record(f"/scheduled_events/{new.event_id}/invitees/{new.id}")

    assert (old_body["new_invitee"], new_body["new_invitee"]) == (new_body["uri"], old_body["uri"])


async def test_a_no_show_is_a_mark_on_an_active_invitee(world: World, calendly: Caller) -> None:
    world.calendly.mark_no_show("inv-1")

    invitee = await calendly.record("/scheduled_events/ev-1/invitees/inv-1")

    assert invitee["status"] == "active"
    assert invitee["no_show"]["created_at"] == "2026-03-01T12:00:00.000000Z"


async def test_events_are_found_by_email_status_and_window(world: World, calendly: Caller) -> None:
    world.calendly.reschedule("inv-1", SLOT + timedelta(days=100))
    world.calendly.add_booking("user-1", email="bob@example.com", starts_at=SLOT)

    assert len(await uris(calendly, user=USER)) == 3
    assert len(await uris(calendly, user=USER, invitee_email=ANN.upper())) == 2
    assert await uris(calendly, user=USER, invitee_email=ANN, status="canceled") == ["ev-1"]
    assert await uris(calendly, user=USER, invitee_email=ANN, max_start_time="2026-04-01T00:00:00Z") == ["ev-1"]
    assert await uris(calendly, user=USER, invitee_email=ANN, min_start_time="2026-04-01T00:00:00Z") != ["ev-1"]
    assert (await uris(calendly, user=USER, invitee_email=ANN, sort="start_time:desc"))[1] == "ev-1"


async def test_invitees_are_filtered(world: World, calendly: Caller) -> None:
    world.calendly.invite("ev-1", id="inv-2", email="bob@example.com")
    world.calendly.cancel("inv-2")
    path = "/scheduled_events/ev-1/invitees"

    by_status = await calendly.get(path, status="active")
    by_email = await calendly.get(path, email="BOB@example.com")

    assert [each["email"] for each in by_status.json()["collection"]] == [ANN]
    assert [each["email"] for each in by_email.json()["collection"]] == ["bob@example.com"]


async def test_a_deleted_event_is_unknown(world: World, calendly: Caller) -> None:
    world.calendly.delete("ev-1")

    assert (await calendly.get("/scheduled_events/ev-1")).status_code == 404
    assert await uris(calendly, user=USER, invitee_email=ANN) == []


async def test_a_user_reads_itself(calendly: Caller) -> None:
    me, same = [await calendly.record(path) for path in ("/users/me", "/users/user-1")]

    assert me == same
    assert (me["uri"], me["current_organization"]) == (USER, ORGANIZATION)
    assert (await calendly.get("/users/nobody")).status_code == 404


async def test_an_admin_reads_the_organization_and_others_do_not(world: World, calendly: Caller) -> None:
    world.calendly.add_user(id="user-2", token="cal-2", organization_id="org-1", is_admin=False)
    world.calendly.add_booking("user-2", email=ANN, starts_at=SLOT)
    other = Caller(calendly.http, calendly.url, {"Authorization": "Bearer cal-2"})

    assert len(await uris(calendly, organization=ORGANIZATION)) == 2
    assert (await other.get("/scheduled_events", organization=ORGANIZATION)).status_code == 403
    assert (await other.get("/scheduled_events/ev-1")).json()["message"] == "You are not allowed to view this event"


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({}, 400, "one of user, organization must be given"),
        ({"user": "user-1"}, 400, "must be a URI"),
        ({"user": USER, "count": "101"}, 400, "must be between 1 and 100"),
        ({"user": USER, "status": "booked"}, 400, "must be one of active, canceled"),
        ({"user": USER, "min_start_time": "today"}, 400, "must be a date-time in UTC"),
        ({"user": USER, "colour": "red"}, 400, "is not a parameter of this call"),
        ({"user": USER, "page_token": "nonsense"}, 400, "is invalid"),
        ({"user": "https://api.calendly.com/users/user-9"}, 403, "This user is not in your organization"),
        ({"user": "https://api.calendly.com/users/user-2"}, 403, "Please also specify organization"),
        ({"organization": "https://api.calendly.com/organizations/org-9"}, 403, "You do not have permission"),
    ],
)
async def test_a_query_that_is_wrong_is_refused(
    world: World, calendly: Caller, switch: Any, query: dict[str, str], status: int, text: str
) -> None:
    switch(FaultKind.UNKNOWN_PARAMETER, "refused")
    world.calendly.add_user(id="user-2", organization_id="org-1")

    response = await calendly.get("/scheduled_events", **query)

    assert response.status_code == status
    assert text in response.text


async def test_a_wrong_token_is_refused(world: World, calendly: Caller) -> None:
    world.calendly.rotate_token("user-1", "cal-new")

    response = await calendly.get("/users/me")

    assert response.status_code == 401
    assert response.json() == {"title": "Unauthenticated", "message": "The access token is invalid"}


async def test_an_unknown_path_is_not_found(calendly: Caller) -> None:
    assert (await calendly.get("/nowhere")).json()["title"] == "Resource Not Found"
