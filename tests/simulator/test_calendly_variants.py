"""Calendly's switches: pages, and the forms of fields."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from reconcile.simulator import FaultKind, World
from tests.simulator.conftest import ANN, SLOT, Caller

USER = "https://api.calendly.com/users/user-1"
PATH = "/scheduled_events"
EVENT = "/scheduled_events/ev-1"


@pytest.fixture(autouse=True)
def five_events(world: World) -> None:
    for day in range(1, 5):
        world.calendly.add_booking("user-1", email=ANN, starts_at=SLOT + timedelta(days=day))


async def page(calendly: Caller, **query: Any) -> Any:
    return (await calendly.get(PATH, **query)).json()


async def test_pages_are_followed_by_token_with_the_filters_sent_again(calendly: Caller) -> None:
    query = {"user": USER, "invitee_email": ANN, "count": 2}
    bodies = [await page(calendly, **query)]
    while token := bodies[-1]["pagination"]["next_page_token"]:
        bodies.append(await page(calendly, **query, page_token=token))

    assert [body["pagination"]["count"] for body in bodies] == [2, 2, 1]
    assert len({each["uri"] for body in bodies for each in body["collection"]}) == 5
    assert bodies[1]["pagination"]["previous_page_token"]


async def test_a_token_without_its_filters_is_refused_unless_that_is_switched(calendly: Caller, switch: Any) -> None:
    token = (await page(calendly, user=USER, invitee_email=ANN, count=2))["pagination"]["next_page_token"]

    assert (await calendly.get(PATH, user=USER, count=2, page_token=token)).status_code == 400

    switch(FaultKind.PAGE_FILTERS, "optional")
    assert (await calendly.get(PATH, page_token=token)).status_code == 200


async def test_next_page_can_lead_to_another_host(calendly: Caller, switch: Any) -> None:
    link = urlsplit((await page(calendly, user=USER, count=2))["pagination"]["next_page"])
    switch(FaultKind.NEXT_PAGE_ORIGIN, "http://127.0.0.1:9")
    foreign = urlsplit((await page(calendly, user=USER, count=2))["pagination"]["next_page"])

    assert link.netloc == "api.calendly.com"
    assert parse_qs(link.query)["user"] == [USER]
    assert foreign.netloc == "127.0.0.1:9"


async def test_every_uri_can_name_another_host(calendly: Caller, switch: Any) -> None:
    switch(FaultKind.URI_ORIGIN, "http://127.0.0.1:9")

    assert (await calendly.record(EVENT))["uri"] == "http://127.0.0.1:9/scheduled_events/ev-1"
    assert (await calendly.record(f"{EVENT}/invitees/inv-1"))["event"] == "http://127.0.0.1:9/scheduled_events/ev-1"


async def test_the_pagination_has_fewer_keys_in_old_answers(calendly: Caller, switch: Any) -> None:
    switch(FaultKind.PAGE_KEYS, "legacy")

    pagination = (await page(calendly, user=USER, count=2))["pagination"]

    assert pagination.keys() == {"count", "next_page"}
    assert "page_token=" in pagination["next_page"]


async def test_the_token_can_be_null_beside_a_next_page(calendly: Caller, switch: Any) -> None:
    switch(FaultKind.PAGE_KEYS, "null_token")

    pagination = (await page(calendly, user=USER, count=2))["pagination"]

    assert pagination["next_page_token"] is None
    assert pagination["next_page"] is not None


async def test_pages_can_be_endless(calendly: Caller, switch: Any) -> None:
    switch(FaultKind.ENDLESS_PAGES)
    token = (await page(calendly, user=USER))["pagination"]["next_page_token"]

    assert (await page(calendly, user=USER, page_token=token))["pagination"]["next_page_token"] == token


@pytest.mark.parametrize(("how", "present"), [("off", False), ("on", True)])
async def test_the_canceler_type_can_be_missing(
    world: World, calendly: Caller, switch: Any, how: str, *, present: bool
) -> None:
    world.calendly.cancel("inv-1")
    switch(FaultKind.CANCELER_TYPE, how)

    assert ("canceler_type" in (await calendly.record(EVENT))["cancellation"]) == present


@pytest.mark.parametrize(
    ("fraction", "value"),
    [
        ("micro", "2026-03-10T15:00:00.000000Z"),
        ("milli", "2026-03-10T15:00:00.000Z"),
        ("none", "2026-03-10T15:00:00Z"),
    ],
)
async def test_seconds_have_several_fractions(calendly: Caller, switch: Any, fraction: str, value: str) -> None:
    switch(FaultKind.FRACTION, fraction)

    assert (await calendly.record(EVENT))["start_time"] == value


@pytest.mark.parametrize(("how", "keys"), [("type", {"type", "location"}), ("kind", {"kind", "location"})])
async def test_a_location_names_its_type_in_two_ways(calendly: Caller, switch: Any, how: str, keys: set[str]) -> None:
    switch(FaultKind.EVENT_LOCATION, how)

    assert (await calendly.record(EVENT))["location"].keys() == keys


async def test_a_location_can_be_null(calendly: Caller, switch: Any) -> None:
    switch(FaultKind.EVENT_LOCATION, "null")

    assert (await calendly.record(EVENT))["location"] is None


@pytest.mark.parametrize("status", ["403", "404"])
async def test_a_foreign_event_has_two_answers(world: World, calendly: Caller, switch: Any, status: str) -> None:
    world.calendly.add_user(id="user-9")
    world.calendly.add_event("user-9", id="ev-9", starts_at=SLOT)
    switch(FaultKind.FOREIGN_EVENT, status)

    assert (await calendly.get("/scheduled_events/ev-9")).status_code == int(status)


async def test_a_record_can_lose_its_uri(calendly: Caller, switch: Any) -> None:
    switch(FaultKind.MISSING_ID)

    for path in (EVENT, f"{EVENT}/invitees", f"{EVENT}/invitees/inv-1", "/users/me"):
        assert "uri" not in await calendly.record(path)


async def test_the_email_asked_for_is_the_subject_of_a_list(calendly: Caller, switch: Any) -> None:
    switch(FaultKind.NOT_FOUND, subject=ANN)

    assert (await calendly.get(PATH, user=USER, invitee_email=ANN)).status_code == 404
    assert (await calendly.get(f"{EVENT}/invitees", email=ANN)).status_code == 404
    assert (await calendly.get(PATH, user=USER)).status_code == 200
