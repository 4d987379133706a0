"""What real clients meet beyond the documents: parameters, orders, filters, and how something missing is told."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.simulator import ApiOperation, FaultKind, World
from tests.simulator.conftest import ANN, NOW, SLOT, Caller

APPOINTMENT = "/calendars/events/appointments/app-1"
LIST = "/contacts/con-1/appointments"
SEARCH = {"locationId": "loc-1", "pageLimit": 20}
USER = "https://api.calendly.com/users/user-1"


async def ids(ghl: Caller, **wanted: Any) -> list[str]:
    response = await ghl.post("/contacts/search", {**SEARCH, **wanted})
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()["contacts"]]


@pytest.fixture
def people(world: World) -> None:
    """Bob and Carl beside Ann, entered later than she was."""
    for number, (key, name) in enumerate([("con-2", "Carl Zeta"), ("con-3", "Bob Young")]):
        added_at = NOW + timedelta(hours=number)
        world.ghl.add_contact("loc-1", id=key, email=f"{key}@example.com", name=name, added_at=added_at)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([], ["con-1", "con-2", "con-3"]),
        ([{"field": "dateAdded", "direction": "desc"}], ["con-3", "con-2", "con-1"]),
        ([{"field": "firstName", "direction": "asc"}], ["con-1", "con-3", "con-2"]),
        ([{"field": "phone"}, {"field": "email", "direction": "desc"}], ["con-3", "con-2", "con-1"]),
    ],
)
async def test_a_search_is_sorted_as_asked(ghl: Caller, sort: list[Any], expected: list[str]) -> None:
    """Also across its pages."""
    assert await ids(ghl, sort=sort) == expected
    cursor = (await ghl.post("/contacts/search", {**SEARCH, "pageLimit": 1, "sort": sort})).json()["contacts"][0]
    assert await ids(ghl, sort=sort, searchAfter=cursor["searchAfter"]) == expected[1:]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("text", "expected"), [("zeta", ["con-2"]), ("EXAMPLE.com", ["con-1", "con-2", "con-3"]), ("nobody", [])]
)
async def test_a_search_looks_for_a_text(ghl: Caller, text: str, expected: list[str]) -> None:
    assert await ids(ghl, query=text) == expected


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"field": "firstName", "operator": "eq", "value": "Bob"}, ["con-3"]),
        ({"field": "contactName", "operator": "contains", "value": "carl z"}, ["con-2"]),
        ({"field": "email", "operator": "eq", "value": [ANN, "con-3@example.com"]}, ["con-1", "con-3"]),
        ({"field": "dateAdded", "operator": "range", "value": {"gte": "2026-03-01T12:30:00.000Z"}}, ["con-3"]),
        ({"field": "dateAdded", "operator": "range", "value": {"lt": "2026-03-01T12:00:00.000Z"}}, ["con-1"]),
    ],
)
async def test_the_fields_of_a_filter_are_honoured(ghl: Caller, rule: Any, expected: list[str]) -> None:
    assert await ids(ghl, filters=[rule]) == expected


async def test_a_parameter_that_is_not_known_is_ignored(calendly: Caller, ghl: Caller) -> None:
    """One public client sends the organization to the list of invitees."""
    listed = await calendly.get("/scheduled_events/ev-1/invitees", organization="org-1")

    assert [each["email"] for each in listed.json()["collection"]] == [ANN]
    assert (await ghl.get(APPOINTMENT, locationId="loc-1")).status_code == 200
    assert await ids(ghl, colour="red") == ["con-1"]


@pytest.mark.parametrize(
    ("body", "count"), [(b'{"email":"nobody"}', 0), (b'{"count":1}', 1), (b"[]", 1), (b"email=nobody", 1), (b"", 1)]
)
async def test_filters_may_be_sent_as_a_body(calendly: Caller, body: bytes, count: int) -> None:
    """One public client sends those of a GET so. The next request on the connection is another one."""
    address = f"{calendly.url}/scheduled_events/ev-1/invitees"
    response = await calendly.http.request("GET", address, content=body, headers=calendly.headers)

    assert len(response.json()["collection"]) == count
    assert (await calendly.get("/users/me")).status_code == 200


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("appointment", "Appointment not found"),
        ("named", "Appointment with id app-1 was not found"),
        ("version", "version header was not found."),
        ("location", "Location not found"),
        ("token", "Token not found"),
        ("calendar", "Calendar not found"),
        ("contact", "Contact not found"),
        ("route", f"Route GET:{APPOINTMENT} not found"),
    ],
)
@pytest.mark.parametrize("status", ["404", "400", "401"])
async def test_ghl_can_say_of_anything_that_it_is_missing(
    ghl: Caller, switch: Any, what: str, text: str, status: str
) -> None:
    """Only two of these texts are about the appointment."""
    switch(FaultKind.MISSING, what)
    switch(FaultKind.MISSING_STATUS, status)

    response = await ghl.get(APPOINTMENT)

    assert (response.status_code, response.json()["message"]) == (int(status), text)


async def test_ghl_can_say_nothing_of_what_is_missing(ghl: Caller, switch: Any) -> None:
    """An object without a word, or the page of a gateway."""
    switch(FaultKind.MISSING, "nothing")
    empty = await ghl.get(APPOINTMENT)
    switch(FaultKind.MISSING, "backend")
    backend = await ghl.get(APPOINTMENT)

    assert (empty.status_code, empty.json()) == (404, {})
    assert (backend.status_code, backend.text) == (404, "default backend - 404")
    assert backend.headers["Content-Type"].startswith("text/plain")


async def test_an_unknown_id_can_be_named(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.UNKNOWN_ID, "named")

    assert (await ghl.get("/calendars/events/appointments/gone")).json()["message"] == (
        "Appointment with id gone was not found"
    )
    assert (await ghl.get("/contacts/gone/appointments")).json()["message"] == "Contact with id gone was not found"


async def test_one_meeting_of_a_recurring_appointment_is_answered_with_that(world: World, ghl: Caller) -> None:
    world.ghl.add_booking("con-1", id="master", starts_at=SLOT)

    assert (await ghl.record("/calendars/events/appointments/master_1773154800000_1800"))["id"] == "master"


@pytest.mark.parametrize(("versions", "status"), [("all", 200), ("dated", 401)])
async def test_the_newest_version_can_be_refused(ghl: Caller, switch: Any, versions: str, status: int) -> None:
    switch(FaultKind.VERSIONS, versions)
    ghl.headers["Version"] = "v3"

    assert (await ghl.get(APPOINTMENT)).status_code == status


async def test_ghl_can_say_when_its_day_ends(ghl: Caller, switch: Any) -> None:
    """In milliseconds; by default it does not."""
    silent = await ghl.get(APPOINTMENT)
    switch(FaultKind.DAILY_RESET, "on")
    telling = await ghl.get(APPOINTMENT)

    assert "X-RateLimit-Daily-Reset" not in silent.headers
    assert telling.headers["X-RateLimit-Daily-Reset"] == str(12 * 3600 * 1000)


@pytest.mark.parametrize(
    ("form", "expected"),
    [("texts", ["anna@example.com"]), ("objects", [{"email": "anna@example.com", "emailLabel": "Work"}])],
)
async def test_additional_addresses_come_in_two_forms(
    world: World, ghl: Caller, switch: Any, form: str, expected: list[Any]
) -> None:
    world.ghl.add_contact("loc-1", id="con-9", email="x@example.com", additional_emails=["anna@example.com"])
    switch(FaultKind.EMAIL_FORM, form)

    assert (await ghl.record("/contacts/con-9"))["additionalEmails"] == expected


async def test_a_list_can_say_no_more_than_booked(ghl: Caller, switch: Any) -> None:
    """While the appointment itself says what it is."""
    switch(FaultKind.STATUS_SPELLING, "vague", operation=ApiOperation.GHL_CONTACT_APPOINTMENTS)

    listed, single = await ghl.record(LIST), await ghl.record(APPOINTMENT)

    assert (listed["status"], listed.get("appointmentStatus")) == ("booked", None)
    assert single["appointmentStatus"] == "confirmed"


async def test_an_invalid_appointment_says_so(world: World, ghl: Caller) -> None:
    """A documented word."""
    world.ghl.set_status("app-1", "invalid")

    assert (await ghl.record(APPOINTMENT))["appointmentStatus"] == "invalid"


async def test_a_no_show_is_read_by_its_own_address(world: World, calendly: Caller) -> None:
    """Until the host marks it, there is none."""
    missing = await calendly.get("/invitee_no_shows/inv-1")
    world.calendly.mark_no_show("inv-1")
    marked = await calendly.record("/scheduled_events/ev-1/invitees/inv-1")
    found = await calendly.record("/invitee_no_shows/inv-1")

    assert missing.status_code == 404
    assert marked["no_show"] == {key: found[key] for key in ("uri", "created_at")}
    assert found["invitee"] == marked["uri"]


async def test_an_empty_429_is_labelled_as_no_json(calendly: Caller, ghl: Caller, switch: Any) -> None:
    """A strict client parses what is labelled as JSON."""
    switch(FaultKind.RATE_LIMITED)
    switch(FaultKind.RATE_LIMIT_BODY, "empty")

    for response in (await calendly.get("/users/me"), await ghl.get(APPOINTMENT)):
        assert (response.status_code, response.content) == (429, b"")
        assert "json" not in response.headers["Content-Type"]


async def test_an_administrator_reads_another_users_events_in_the_organizations_name(
    world: World, calendly: Caller
) -> None:
    """With both parameters; without the organization Calendly asks for it."""
    world.calendly.add_user(id="user-2", organization_id="org-1")
    theirs = world.calendly.add_booking("user-2", email=ANN, starts_at=SLOT)
    user = "https://api.calendly.com/users/user-2"
    organization = (await calendly.record("/users/me"))["current_organization"]

    refused = await calendly.get("/scheduled_events", user=user)
    listed = await calendly.get("/scheduled_events", user=user, organization=organization)

    assert refused.json()["message"].startswith("Please also specify organization")
    assert [each["uri"].rpartition("/")[2] for each in listed.json()["collection"]] == [theirs.event_id]


async def test_one_record_of_many_can_be_broken(world: World, ghl: Caller, calendly: Caller, switch: Any) -> None:
    """The others are whole."""
    world.ghl.add_booking("con-1", id="app-2", starts_at=SLOT)
    switch(FaultKind.BROKEN_RECORD, "app-2")
    switch(FaultKind.BROKEN_RECORD, "ev-1", operation=ApiOperation.CALENDLY_EVENT)

    listed = (await ghl.get(LIST)).json()["events"]

    assert [(each["id"], "startTime" in each) for each in listed] == [("app-1", True), ("app-2", False)]
    assert "start_time" not in await calendly.record("/scheduled_events/ev-1")
