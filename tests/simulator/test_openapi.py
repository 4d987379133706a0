"""The simulator's answers, held against the providers' own descriptions."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.simulator import FaultKind, World
from tests.simulator import specs
from tests.simulator.conftest import ANN, NOW, SLOT, Caller

pytestmark = specs.at_hand()

USER = "https://api.calendly.com/users/user-1"
EVENTS = "/scheduled_events"


@pytest.fixture(autouse=True)
def a_full_world(world: World) -> None:
    """Every kind of record: canceled, deleted, rescheduled, a no-show, a group."""
    world.ghl.soft_delete(world.ghl.add_booking("con-1", starts_at=SLOT, status="noshow").id)
    moved = world.calendly.reschedule("inv-1", SLOT + timedelta(days=1))
    world.calendly.mark_no_show(moved.id)
    world.calendly.add_event("user-1", id="group", starts_at=SLOT, limit=3)
    for number in range(2):
        world.calendly.invite("group", id=f"place-{number}", email=ANN)
    world.calendly.cancel("place-0", by="host", reason="Ill")


def errors(validator: Any, body: Any) -> list[str]:
    return [f"{'/'.join(map(str, each.absolute_path))}: {each.message}" for each in validator.iter_errors(body)]


@pytest.mark.parametrize(
    ("spec", "path", "called"),
    [
        (specs.CALENDARS, "/calendars/events/appointments/{eventId}", "/calendars/events/appointments/app-1"),
        (specs.CONTACTS, "/contacts/{contactId}/appointments", "/contacts/con-1/appointments"),
        (specs.CONTACTS, "/contacts/{contactId}", "/contacts/con-1"),
    ],
)
async def test_ghls_answers_are_as_described(ghl: Caller, spec: str, path: str, called: str) -> None:
    response = await ghl.get(called)

    assert response.status_code == 200
    assert errors(specs.validator(spec, path), response.json()) == []


async def test_ghls_search_is_as_described(ghl: Caller) -> None:
    response = await ghl.post("/contacts/search", {"locationId": "loc-1", "pageLimit": 5})

    assert errors(specs.validator(specs.CONTACTS, "/contacts/search", method="post"), response.json()) == []


async def test_ghls_calendar_is_as_described(world: World, ghl: Caller) -> None:
    start, end = (str(int((NOW + timedelta(days=days)).timestamp() * 1000)) for days in (0, 30))
    calendar = world.ghl.locations["loc-1"].calendar_id

    response = await ghl.get("/calendars/events", locationId="loc-1", calendarId=calendar, startTime=start, endTime=end)

    assert len(response.json()["events"]) == 1
    assert errors(specs.validator(specs.CALENDARS, "/calendars/events"), response.json()) == []


async def test_ghls_list_of_calendars_is_as_described(world: World, ghl: Caller) -> None:
    """Both of them."""
    world.ghl.add_calendar("loc-1")

    response = await ghl.get("/calendars/", locationId="loc-1", showDrafted="true")

    assert [each["id"] for each in response.json()["calendars"]] == list(world.ghl.calendars_of("loc-1"))
    assert errors(specs.validator(specs.CALENDARS, "/calendars/"), response.json()) == []


@pytest.mark.parametrize(
    ("kind", "status", "undescribed"),
    [
        (FaultKind.BAD_REQUEST, "400", {"traceId", "error"}),
        (FaultKind.UNAUTHORIZED, "401", {"traceId"}),
        (FaultKind.UNPROCESSABLE, "422", {"traceId"}),
    ],
)
async def test_ghls_refusals_are_as_described(
    ghl: Caller, switch: Any, kind: FaultKind, status: str, undescribed: set[str]
) -> None:
    """Nothing is added but what was seen on the wire and is in no description."""
    switch(kind)
    body = (await ghl.get("/contacts/con-1/appointments")).json()
    described = {key: value for key, value in body.items() if key not in undescribed}

    validator = specs.validator(specs.CONTACTS_NOW, "/contacts/{contactId}/appointments", status=status)

    assert body.keys() - described.keys() == undescribed
    assert errors(validator, described) == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (FaultKind.BAD_REQUEST, "400"),
        (FaultKind.UNAUTHORIZED, "401"),
        (FaultKind.FORBIDDEN, "403"),
        (FaultKind.NOT_FOUND, "404"),
        (FaultKind.SERVER_ERROR, "500"),
    ],
)
async def test_calendlys_refusals_are_as_described(calendly: Caller, switch: Any, fault: FaultKind, code: str) -> None:
    switch(fault)
    response = await calendly.get("/users/me")

    assert response.status_code == int(code)
    assert errors(specs.calendly_error(), response.json()) == []


@pytest.mark.parametrize(
    ("path", "called"),
    [
        (EVENTS, f"{EVENTS}?user={USER}"),
        (f"{EVENTS}/{{uuid}}", f"{EVENTS}/ev-1"),
        (f"{EVENTS}/{{uuid}}", f"{EVENTS}/group"),
        (f"{EVENTS}/{{uuid}}/invitees", f"{EVENTS}/ev-1/invitees"),
        (f"{EVENTS}/{{uuid}}/invitees", f"{EVENTS}/group/invitees"),
        (f"{EVENTS}/{{event_uuid}}/invitees/{{invitee_uuid}}", f"{EVENTS}/ev-1/invitees/inv-1"),
        ("/users/me", "/users/me"),
        ("/users/{uuid}", "/users/user-1"),
    ],
)
async def test_calendlys_answers_are_as_described(calendly: Caller, path: str, called: str) -> None:
    response = await calendly.get(called)

    assert response.status_code == 200
    assert errors(specs.validator(specs.CALENDLY, path), response.json()) == []


async def test_the_descriptions_are_not_toothless(ghl: Caller, calendly: Caller, switch: Any) -> None:
    """What the incident takes away, and what no document knows, is found."""
    switch(FaultKind.MISSING_ID)
    switch(FaultKind.EXTRA_FIELDS)
    appointment = (await ghl.get("/calendars/events/appointments/app-1")).json()
    event = (await calendly.get(f"{EVENTS}/ev-1")).json()

    found = errors(specs.validator(specs.CALENDARS, "/calendars/events/appointments/{eventId}"), appointment)
    found += errors(specs.validator(specs.CALENDLY, f"{EVENTS}/{{uuid}}"), event)

    assert "event: 'id' is a required property" in found
    assert "resource: 'uri' is a required property" in found
    assert any("schemaRevision" in each for each in found)
