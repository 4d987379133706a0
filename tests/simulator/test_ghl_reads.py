"""What GHL answers when nothing is switched."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.simulator import FaultKind, World
from tests.simulator.conftest import NOW, SLOT, Caller


async def test_an_appointment_is_wrapped_in_event_and_has_the_zone_of_the_location(ghl: Caller) -> None:
    response = await ghl.get("/calendars/events/appointments/app-1")

    assert response.status_code == 200
    event = response.json()["event"]
    assert event["id"] == "app-1"
    assert event["appointmentStatus"] == "confirmed"
    assert event["startTime"] == "2026-03-10T16:00:00+01:00"
    assert "deleted" not in event


async def test_a_contacts_appointments_have_no_zone(ghl: Caller) -> None:
    response = await ghl.get("/contacts/con-1/appointments")

    assert [each["startTime"] for each in response.json()["events"]] == ["2026-03-10 16:00:00"]


async def test_a_location_tells_its_time_zone(ghl: Caller) -> None:
    assert (await ghl.record("/locations/loc-1"))["timezone"] == "Europe/Berlin"


async def test_a_contact_is_read_by_id(ghl: Caller) -> None:
    assert (await ghl.record("/contacts/con-1"))["email"] == "ann@example.com"


async def test_a_change_of_the_world_is_in_the_next_response(world: World, ghl: Caller) -> None:
    world.ghl.cancel("app-1")
    world.ghl.move("app-1", SLOT + timedelta(days=1))

    event = await ghl.record("/calendars/events/appointments/app-1")

    assert event["appointmentStatus"] == "cancelled"
    assert event["startTime"] == "2026-03-11T16:00:00+01:00"


async def test_a_soft_deleted_appointment_is_answered_and_says_so(world: World, ghl: Caller) -> None:
    """Under the one Version that declares the field; any other shows the record as if nothing had happened."""
    world.ghl.soft_delete("app-1")
    dated = await ghl.record("/calendars/events/appointments/app-1")
    ghl.headers["Version"] = "v3"
    newest = await ghl.record("/calendars/events/appointments/app-1")

    assert (dated.get("deleted"), dated["appointmentStatus"]) == (None, "confirmed")
    assert newest["deleted"] is True


@pytest.mark.parametrize("version", ["2021-07-28", "v3"])
async def test_a_contacts_list_cannot_say_deleted_and_leaves_such_appointments_out(
    world: World, ghl: Caller, version: str
) -> None:
    """No description of that list has the field."""
    world.ghl.soft_delete("app-1")
    ghl.headers["Version"] = version

    assert (await ghl.get("/contacts/con-1/appointments")).json()["events"] == []


async def test_a_deleted_appointment_is_unknown(world: World, ghl: Caller) -> None:
    world.ghl.delete("app-1")

    assert (await ghl.get("/calendars/events/appointments/app-1")).status_code == 404
    assert (await ghl.get("/contacts/con-1/appointments")).json()["events"] == []


async def test_an_encoded_id_is_decoded(world: World, ghl: Caller) -> None:
    world.ghl.add_booking("con-1", id="a/b c", starts_at=SLOT)

    assert (await ghl.record("/calendars/events/appointments/a%2Fb%20c"))["id"] == "a/b c"


async def test_a_query_parameter_on_an_appointment_can_be_refused(ghl: Caller, switch: Any) -> None:
    assert (await ghl.get("/calendars/events/appointments/app-1", locationId="loc-1")).status_code == 200
    switch(FaultKind.UNKNOWN_PARAMETER, "refused")
    response = await ghl.get("/calendars/events/appointments/app-1", locationId="loc-1")

    assert response.status_code == 422
    assert response.json()["message"] == ["property locationId should not exist"]


async def test_another_locations_records_are_refused(world: World, ghl: Caller) -> None:
    world.ghl.add_location(id="loc-2")
    world.ghl.add_contact("loc-2", id="con-2", email="bob@example.com")
    world.ghl.add_booking("con-2", id="app-2", starts_at=SLOT)
    paths = (
        "/calendars/events/appointments/app-2",
        "/contacts/con-2/appointments",
        "/contacts/con-2",
        "/locations/loc-2",
    )

    responses = [await ghl.get(path) for path in paths]

    assert {each.status_code for each in responses} == {403}
    assert responses[0].json()["message"] == "The token does not have access to this location."


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "pit-1", "Bearer cal-1"])
async def test_a_wrong_token_is_refused(ghl: Caller, authorization: str | None) -> None:
    ghl.headers = {"Version": "v3"} | ({"Authorization": authorization} if authorization else {})

    response = await ghl.get("/calendars/events/appointments/app-1")

    assert response.status_code == 401
    assert response.json()["message"] == "Invalid token: access token is invalid"


async def test_a_rotated_token_ends_the_old_one(world: World, ghl: Caller) -> None:
    world.ghl.rotate_token("loc-1", "pit-2")

    assert (await ghl.get("/locations/loc-1")).status_code == 401

    ghl.headers["Authorization"] = "Bearer pit-2"
    assert (await ghl.get("/locations/loc-1")).status_code == 200


async def test_a_missing_version_is_refused(ghl: Caller) -> None:
    del ghl.headers["Version"]

    response = await ghl.get("/locations/loc-1")

    assert response.status_code == 401
    assert response.json()["message"] == "version header was not found."


async def test_an_unknown_path_cannot_be_got(ghl: Caller) -> None:
    response = await ghl.get("/nowhere")

    assert response.status_code == 404
    assert response.json()["message"] == "Cannot GET /nowhere"


def _millis(days: int) -> str:
    return str(int((NOW + timedelta(days=days)).timestamp() * 1000))


async def test_a_calendars_events_are_listed_within_a_window(world: World, ghl: Caller) -> None:
    world.ghl.add_booking("con-1", id="app-late", starts_at=SLOT + timedelta(days=60))
    calendar = world.ghl.locations["loc-1"].calendar_id
    query = {"locationId": "loc-1", "calendarId": calendar, "startTime": _millis(0), "endTime": _millis(30)}

    response = await ghl.get("/calendars/events", **query)

    assert [each["id"] for each in response.json()["events"]] == ["app-1"]
    assert response.json()["events"][0]["startTime"] == "2026-03-10T16:00:00+01:00"


async def test_a_calendars_events_need_their_parameters(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.UNKNOWN_PARAMETER, "refused")
    response = await ghl.get("/calendars/events", startTime="soon", colour="red")

    assert response.status_code == 422
    assert response.json()["message"] == [
        "property colour should not exist",
        "startTime must be a number string",
        "endTime must be a number string",
        "locationId must be a string",
        "either of userId, calendarId or groupId is required",
    ]
