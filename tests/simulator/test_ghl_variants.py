"""GHL's switches: the same record in every form that documents and clients know."""

from datetime import UTC, datetime
from typing import Any

import pytest

from reconcile.simulator import FaultKind, Simulator, World, incident
from tests.simulator.conftest import ANN, Caller

PATH = "/calendars/events/appointments/app-1"
LIST = "/contacts/con-1/appointments"


@pytest.mark.parametrize(
    ("envelope", "keys"),
    [("event", {"event", "traceId"}), ("appointment", {"appointment", "traceId"})],
)
async def test_the_envelope_can_be_changed(ghl: Caller, switch: Any, envelope: str, keys: set[str]) -> None:
    switch(FaultKind.ENVELOPE, envelope)

    assert (await ghl.get(PATH)).json().keys() == keys


async def test_the_envelope_can_be_left_out(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.ENVELOPE, "flat")

    assert (await ghl.get(PATH)).json()["id"] == "app-1"


async def test_the_trace_id_can_be_left_out(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.TRACE_ID, "off")

    assert (await ghl.get(PATH)).json().keys() == {"event"}
    assert "traceId" not in (await ghl.get("/calendars/events/appointments/none")).json()


@pytest.mark.parametrize(
    ("how", "names"),
    [
        ("good", {"appointmentStatus": "confirmed"}),
        ("typo", {"appoinmentStatus": "confirmed"}),
        ("both", {"appointmentStatus": "confirmed", "appoinmentStatus": "confirmed"}),
        ("only_status", {"status": "confirmed"}),
        ("booked", {"status": "booked", "appointmentStatus": "booked", "appoinmentStatus": "confirmed"}),
    ],
)
async def test_the_status_has_several_spellings(ghl: Caller, switch: Any, how: str, names: dict[str, str]) -> None:
    switch(FaultKind.STATUS_SPELLING, how)

    for record in (await ghl.record(PATH), await ghl.record(LIST)):
        assert {key: value for key, value in record.items() if "status" in key.lower()} == names


@pytest.mark.parametrize(
    ("style", "value"), [("plain", "noshow"), ("camel", "noShow"), ("spaced", "no show"), ("upper", "NOSHOW")]
)
async def test_the_status_has_several_styles(world: World, ghl: Caller, switch: Any, style: str, value: str) -> None:
    world.ghl.set_status("app-1", "noshow")
    switch(FaultKind.STATUS_STYLE, style)

    assert (await ghl.record(PATH))["appointmentStatus"] == value


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("iso", "2026-03-10T16:00:00+01:00"),
        ("naive", "2026-03-10 16:00:00"),
        ("utc", "2026-03-10T15:00:00.000Z"),
    ],
)
async def test_instants_have_several_forms(ghl: Caller, switch: Any, form: str, value: str) -> None:
    switch(FaultKind.TIME_FORMAT, form)

    assert (await ghl.record(PATH))["startTime"] == value
    assert (await ghl.record(LIST))["startTime"] == value


async def test_the_hour_that_comes_twice_looks_the_same_without_a_zone(world: World, ghl: Caller) -> None:
    """The naive times of an autumn night name two instants, as they do in life."""
    for hour in (0, 1):
        world.ghl.add_booking("con-1", id=f"night-{hour}", starts_at=datetime(2026, 10, 25, hour, 30, tzinfo=UTC))

    events = (await ghl.get(LIST)).json()["events"]

    assert [each["startTime"] for each in events[1:]] == ["2026-10-25 02:30:00"] * 2


@pytest.mark.parametrize(
    ("how", "id_"), [("removed", ...), ("null", None), ("empty", ""), ("number", 12345), ("renamed", ...)]
)
async def test_a_record_can_lose_its_id(ghl: Caller, switch: Any, how: str, id_: Any) -> None:
    switch(FaultKind.MISSING_ID, how)

    for path in (PATH, LIST, "/contacts/con-1", "/locations/loc-1"):
        record = await ghl.record(path)
        assert record.get("id", ...) == id_
        assert ("id_v2" in record) == (how == "renamed")


async def test_the_incident_is_another_envelope_whose_record_has_no_id(simulator: Simulator, ghl: Caller) -> None:
    simulator.faults.add(*incident(workspace="ws-1"))

    body = (await ghl.get(PATH)).json()
    search = {"locationId": "loc-1", "pageLimit": 1}

    assert body.keys() == {"appointment", "traceId"}
    assert "id" not in body["appointment"]
    assert "id" not in (await ghl.record(LIST))
    assert "id" not in (await ghl.post("/contacts/search", search)).json()["contacts"][0]


async def test_the_incident_leaves_calendly_alone(simulator: Simulator, calendly: Caller) -> None:
    simulator.faults.add(*incident())

    assert "uri" in await calendly.record("/scheduled_events/ev-1")


async def test_a_field_can_be_missing(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.MISSING_FIELD, "startTime")

    assert "startTime" not in await ghl.record(PATH)


async def test_a_field_can_be_set(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.SET_FIELD, 'appointmentStatus={"deep": 1}')

    assert (await ghl.record(PATH))["appointmentStatus"] == {"deep": 1}


async def test_unknown_fields_can_be_added(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.EXTRA_FIELDS)

    body = (await ghl.get(PATH)).json()

    assert "schemaRevision" in body
    assert "schemaRevision" in body["event"]


@pytest.mark.parametrize(
    ("how", "status", "body"),
    [
        ("404", 404, ...),
        ("400", 400, ...),
        ("empty_object", 200, {}),
        ("null", 200, None),
        ("empty_list", 200, {"events": []}),
    ],
)
async def test_an_unknown_id_has_several_answers(ghl: Caller, switch: Any, how: str, status: int, body: Any) -> None:
    switch(FaultKind.UNKNOWN_ID, how)

    responses = [await ghl.get(f"/calendars/events/appointments/{how}"), await ghl.get(f"/contacts/{how}/appointments")]

    assert {each.status_code for each in responses} == {status}
    if body is ...:
        assert [each.json()["message"] for each in responses] == ["Appointment not found", "Contact not found"]
    else:
        assert responses[0].json() == body


@pytest.mark.parametrize(
    ("hides", "ids"), [("nothing", ["app-1", "app-2"]), ("deleted", ["app-2"]), ("cancelled", ["app-1"]), ("all", [])]
)
async def test_a_list_can_leave_records_out(world: World, ghl: Caller, switch: Any, hides: str, ids: list[str]) -> None:
    world.ghl.soft_delete("app-1")
    world.ghl.add_booking("con-1", id="app-2", starts_at=datetime(2026, 4, 1, tzinfo=UTC), status="cancelled")
    switch(FaultKind.LIST_HIDES, hides)

    assert [each["id"] for each in (await ghl.get(LIST)).json()["events"]] == ids


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("string", {"message": "Appointment not found", "error": "Not Found", "statusCode": 404}),
        ("array", {"message": ["Appointment not found"], "error": "Not Found", "statusCode": 404}),
        ("bare", {"message": "Appointment not found"}),
    ],
)
async def test_an_error_message_has_several_forms(ghl: Caller, switch: Any, form: str, body: dict[str, Any]) -> None:
    switch(FaultKind.MESSAGE_FORM, form)
    switch(FaultKind.TRACE_ID, "off")

    assert (await ghl.get("/calendars/events/appointments/none")).json() == body


@pytest.mark.parametrize(
    ("status", "message"),
    [("401", "version header is invalid"), ("400", "Invalid API version segment 'x' at position 0")],
)
async def test_an_unknown_version_has_two_answers(ghl: Caller, switch: Any, status: str, message: str) -> None:
    switch(FaultKind.BAD_VERSION, status)
    ghl.headers["Version"] = "x"

    response = await ghl.get(PATH)

    assert response.status_code == int(status)
    assert response.json()["message"] == message


@pytest.mark.parametrize("case", ["lower", "upper", "title"])
async def test_header_names_come_in_any_case(ghl: Caller, switch: Any, case: str) -> None:
    switch(FaultKind.HEADER_CASE, case)

    names = [name.decode() for name, _ in (await ghl.get(PATH)).headers.raw]

    assert {"lower": "x-ratelimit-max", "upper": "X-RATELIMIT-MAX", "title": "X-RateLimit-Max"}[case] in names


async def test_the_email_asked_for_is_the_subject_of_a_search(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.NOT_FOUND, subject=ANN)
    rule = {"field": "email", "operator": "eq", "value": ANN}
    body = {"locationId": "loc-1", "pageLimit": 1, "filters": [rule]}

    assert (await ghl.post("/contacts/search", body)).status_code == 404
    assert (await ghl.post("/contacts/search", body | {"filters": []})).status_code == 200
