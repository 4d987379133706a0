"""Real clients of both providers hold the simulator: each makes all the calls that the reconciler makes.

They run in environments of their own, which ``make tools`` installs from the locks in ``clients/``; where one is not
installed its test is skipped, which says so.
"""

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from reconcile.simulator import ApiOperation, FaultKind, Simulator, World
from tests.simulator.clients import installed
from tests.simulator.clients.installed import JAVASCRIPT_CLIENT, PYTHON_CLIENTS
from tests.simulator.conftest import ANN, NOW, SLOT

ORIGIN = "https://api.calendly.com"
USER = f"{ORIGIN}/users/user-1"
Switch = Callable[..., int]
GHL_OPERATIONS = {
    "ghl.appointment",
    "ghl.contact-appointments",
    "ghl.contact-search",
    "ghl.calendars",
    "ghl.calendar-events",
    "ghl.location",
}
CALENDLY_OPERATIONS = {
    "calendly.user",
    "calendly.events",
    "calendly.event",
    "calendly.invitees",
    "calendly.invitee",
}


async def drive(client: str, world: dict[str, Any]) -> Any:
    """Let *client* make its calls, while the simulator answers in this process."""
    if lack := installed.lack_of(client):
        if not os.environ.get("CI"):
            pytest.skip(lack)
        await asyncio.to_thread(installed.install, client)
    return await asyncio.to_thread(installed.drive, client, world)


def asked(simulator: Simulator) -> set[str]:
    """Return which operations were asked for."""
    return set(simulator.requests.summary()["byOperation"])


@pytest.fixture
def ghl_world(world: World, simulator: Simulator) -> dict[str, Any]:
    """Three contacts, of whom Ann has an appointment in the first of two calendars."""
    for number in (2, 3):
        world.ghl.add_contact("loc-1", id=f"con-{number}", email=f"{number}@example.com", added_at=NOW)
    world.ghl.add_calendar("loc-1")
    since, until = (str(round((SLOT + timedelta(days=days)).timestamp() * 1000)) for days in (-1, 1))
    return {
        "url": simulator.ghl_url,
        "token": "pit-1",
        "location": "loc-1",
        "contact": "con-1",
        "contacts": 3,
        "email": ANN,
        "appointment": "app-1",
        "since": since,
        "until": until,
    }


@pytest.fixture
def calendly_world(world: World, simulator: Simulator, switch: Switch) -> dict[str, Any]:
    """Ann has two events of the administrator's, of which the first was a no-show, and one of a colleague's."""
    switch(FaultKind.NEXT_PAGE_ORIGIN, simulator.calendly_url)
    world.calendly.mark_no_show("inv-1")
    world.calendly.add_event("user-1", id="ev-2", starts_at=SLOT + timedelta(days=1))
    world.calendly.invite("ev-2", id="inv-2", email=ANN)
    world.calendly.add_user(id="user-2", organization_id="org-1")
    world.calendly.add_event("user-2", id="ev-3", starts_at=SLOT + timedelta(days=2))
    world.calendly.invite("ev-3", id="inv-3", email=ANN)
    return {
        "url": simulator.calendly_url,
        "token": "cal-1",
        "user": USER,
        "email": ANN,
        "event": "ev-1",
        "invitee": "inv-1",
        "since": NOW.isoformat(),
    }


def event_uri(number: int) -> str:
    return f"{ORIGIN}/scheduled_events/ev-{number}"


def invitee_uri(number: int) -> str:
    return f"{event_uri(number)}/invitees/inv-{number}"


@pytest.mark.parametrize(
    ("client", "version"),
    [("gohighlevel", None), (JAVASCRIPT_CLIENT, None), (JAVASCRIPT_CLIENT, "v3"), (JAVASCRIPT_CLIENT, "2021-04-15")],
)
async def test_highlevels_own_clients_read_all_that_the_reconciler_reads(
    simulator: Simulator, ghl_world: dict[str, Any], client: str, version: str | None
) -> None:
    """Each with the Version that it sends; only under the newest does an appointment say whether it is deleted."""
    found = await drive(client, {**ghl_world, "version": version})

    event = found["appointment"]["event"]
    assert (event["id"], event["appointmentStatus"], event["contactId"]) == ("app-1", "confirmed", "con-1")
    assert ("deleted" in event) is (client == "gohighlevel" or version == "v3")
    assert [each["id"] for each in found["events"]["events"]] == ["app-1"]
    assert [each["id"] for each in found["search"]["contacts"]] == ["con-1"]
    assert sorted(each for page in found["pages"] for each in page) == ["con-1", "con-2", "con-3"]
    assert {len(page) for page in found["pages"]} == {1}
    (listed,) = found["listed"]["events"]
    assert (listed["startTime"], "deleted" in listed) == ("2026-03-10 16:00:00", False)
    assert found["location"]["location"]["timezone"] == "Europe/Berlin"
    assert found["refused"][0] == 404
    assert "not found" in found["refused"][1].lower()
    assert asked(simulator) == GHL_OPERATIONS


async def test_a_client_of_calendlys_description_reads_every_answer_by_its_schema(
    simulator: Simulator, calendly_world: dict[str, Any]
) -> None:
    """As an administrator for himself, page by page; a colleague's events are refused without the organization."""
    found = await drive("calendly_py", calendly_world)
    colleague = await drive(
        "calendly_py",
        {**calendly_world, "user": f"{ORIGIN}/users/user-2"},
    )

    assert found["user"] == USER
    assert found["events"] == [
        [event_uri(number), "active", (SLOT + timedelta(days=number - 1)).isoformat()] for number in (1, 2)
    ]
    assert found["event"] == event_uri(1)
    assert found["invitees"] == [invitee_uri(1)]
    assert found["invitee"] == [invitee_uri(1), "active", f"{ORIGIN}/invitee_no_shows/inv-1"]
    assert found["no_show"] == invitee_uri(1)
    assert found["alone"] == [200, None]
    assert found["gone"] == [404, "Resource Not Found"]
    assert [each[0] for each in colleague["events"]] == [event_uri(3)]
    assert colleague["alone"][0] == 403
    assert colleague["alone"][1].startswith("Please also specify organization")
    assert asked(simulator) == {*CALENDLY_OPERATIONS, "calendly.no-show"}


async def test_a_client_that_sends_filters_as_a_body_is_answered(
    simulator: Simulator, calendly_world: dict[str, Any]
) -> None:
    """And follows the addresses of the next pages."""
    found = await drive("pycalendly", calendly_world)

    assert found["user"] == USER
    assert found["pages"] == [[event_uri(1)], [event_uri(2)]]
    assert found["event"] == event_uri(1)
    assert found["invitees"] == [invitee_uri(1)]
    assert found["invitee"] == invitee_uri(1)
    assert found["refused"].startswith("Resource Not Found: The server could not find the requested resource.")
    assert asked(simulator) == CALENDLY_OPERATIONS


@pytest.mark.parametrize(("mode", "numbers"), [("org", [1, 2, 3]), ("user", [1, 2])])
async def test_a_tap_reads_an_organizations_events_and_their_invitees(
    simulator: Simulator, calendly_world: dict[str, Any], mode: str, numbers: list[int]
) -> None:
    """It sends the organization with the list of invitees as well, which that does not know."""
    found = await drive("tap_calendly", {**calendly_world, "mode": mode})

    assert found["user"] == USER
    assert found["events"] == [event_uri(number) for number in numbers]
    assert found["invitees"] == {event_uri(number): [invitee_uri(number)] for number in numbers}
    assert asked(simulator) == CALENDLY_OPERATIONS - {"calendly.event", "calendly.invitee"}


@pytest.mark.parametrize("client", ["calendly_py", "pycalendly", "tap_calendly", "gohighlevel", JAVASCRIPT_CLIENT])
async def test_an_empty_429_is_no_answer_to_a_real_client(
    ghl_world: dict[str, Any], calendly_world: dict[str, Any], switch: Switch, client: str
) -> None:
    """It fails as clients fail; none of them takes the empty body for a success."""
    switch(FaultKind.RATE_LIMITED, operation=ApiOperation.CALENDLY_EVENTS)
    switch(FaultKind.RATE_LIMITED, operation=ApiOperation.GHL_APPOINTMENT)
    switch(FaultKind.RATE_LIMIT_BODY, "empty")
    switch(FaultKind.RETRY_AFTER, "0")
    world = ghl_world if "gohighlevel" in client else {**calendly_world, "mode": "org"}

    with pytest.raises(installed.ClientError):
        await drive(client, world)


def test_every_client_has_a_lock_and_a_tool() -> None:
    """All by hash, and no address of a registry."""
    names = {*PYTHON_CLIENTS, JAVASCRIPT_CLIENT}

    assert {f"client-{each.replace('_', '-')}" for each in names} == set(installed.tools())
    for lock in (*installed.HERE.glob("*.lock"), installed.NPM / "package-lock.json"):
        text = lock.read_text()
        assert "sha256:" in text or "sha512-" in text
        assert "registry" not in text
