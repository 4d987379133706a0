"""GHL's contact search: what it asks for, what it finds, how it pages."""

from typing import Any

import pytest

from reconcile.simulator import FaultKind, World
from tests.simulator.conftest import ANN, Caller, Clock

PATH = "/contacts/search"


def exact(email: str, **more: Any) -> dict[str, Any]:
    return {
        "locationId": "loc-1",
        "pageLimit": 20,
        "filters": [{"field": "email", "operator": "eq", "value": email}],
        **more,
    }


async def found(ghl: Caller, body: dict[str, Any]) -> list[str]:
    response = await ghl.post(PATH, body)
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()["contacts"]]


async def test_a_contact_is_found_by_exact_email(ghl: Caller) -> None:
    response = await ghl.post(PATH, exact(ANN.upper()))

    assert response.json()["total"] == 1
    assert response.json()["contacts"][0]["searchAfter"][1] == "con-1"
    assert await found(ghl, exact("nn@example.com")) == []


async def test_several_contacts_may_share_an_email(world: World, ghl: Caller) -> None:
    world.ghl.add_contact("loc-1", id="con-2", email=ANN)

    assert await found(ghl, exact(ANN)) == ["con-1", "con-2"]


async def test_an_additional_email_matches_unless_that_is_switched_off(world: World, ghl: Caller, switch: Any) -> None:
    world.ghl.add_contact("loc-1", id="con-2", email="other@example.com", additional_emails=["second@example.com"])

    assert await found(ghl, exact("second@example.com")) == ["con-2"]

    switch(FaultKind.ADDITIONAL_EMAILS, "off")
    assert await found(ghl, exact("second@example.com")) == []


async def test_the_case_of_letters_can_be_made_to_count(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.SEARCH_CASE, "sensitive")

    assert await found(ghl, exact(ANN.upper())) == []
    assert await found(ghl, exact(ANN)) == ["con-1"]


async def test_search_can_lag_behind_what_was_written(world: World, ghl: Caller, switch: Any, clock: Clock) -> None:
    switch(FaultKind.SEARCH_LAG, 5)
    world.ghl.add_contact("loc-1", id="con-2", email="new@example.com")

    assert await found(ghl, exact("new@example.com")) == []

    clock.advance(seconds=5)
    assert await found(ghl, exact("new@example.com")) == ["con-2"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"field": "email", "operator": "not_eq", "value": ANN}, ["con-2"]),
        ({"field": "email", "operator": "contains", "value": "ann"}, ["con-1"]),
        ({"field": "email", "operator": "not_contains", "value": "ann"}, ["con-2"]),
        ({"field": "email", "operator": "exists"}, ["con-1", "con-2"]),
        ({"field": "email", "operator": "not_exists"}, []),
        ({"group": "OR", "filters": [{"field": "id", "operator": "eq", "value": "con-2"}]}, ["con-2"]),
        (
            {
                "group": "AND",
                "filters": [
                    {"field": "email", "operator": "exists"},
                    {"field": "id", "operator": "eq", "value": "con-1"},
                ],
            },
            ["con-1"],
        ),
    ],
)
async def test_the_documented_operators_work(
    world: World, ghl: Caller, rule: dict[str, Any], expected: list[str]
) -> None:
    world.ghl.add_contact("loc-1", id="con-2", email="bob@example.com")

    assert await found(ghl, {"locationId": "loc-1", "pageLimit": 20, "filters": [rule]}) == expected


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 422, ["locationId must be a string", "pageLimit must be a number from 1 to 500"]),
        (exact(ANN, pageLimit=501), 422, ["pageLimit must be a number from 1 to 500"]),
        (exact(ANN, colour=1), 422, ["property colour should not exist"]),
        (exact(ANN, filters={"email": ANN}), 422, ["filters must be an array"]),
        (exact(ANN, filters=["email"]), 422, ["each value in filters must have field and operator"]),
        (exact(ANN, filters=[{"field": "email", "operator": "is"}]), 422, ["operator is is not known"]),
        (exact("x" * 76), 422, ["value must be shorter than or equal to 75 characters"]),
        (exact(ANN, sort=[{"field": "colour"}]), 422, ["each value in sort must have a known field"]),
        (exact(ANN, sort=[{"field": "email", "direction": "up"}]), 422, ["direction must be asc or desc"]),
        (exact(ANN, query="x" * 76), 422, ["query must be shorter than or equal to 75 characters"]),
        (exact(ANN, searchAfter=[]), 422, ["searchAfter must be an array of a number and an id"]),
        (exact(ANN, page=1, searchAfter=[1, "x"]), 400, "page and searchAfter cannot be used together"),
        (
            exact(ANN, filters=[{"field": "additional_phones", "operator": "exists"}]),
            400,
            "Invalid field additional_phones",
        ),
        (exact(ANN, locationId="loc-2"), 403, "The token does not have access to this location."),
        ([], 400, "Unexpected token in JSON"),
    ],
)
async def test_a_search_that_is_wrong_is_refused(
    ghl: Caller, switch: Any, body: Any, status: int, message: Any
) -> None:
    switch(FaultKind.UNKNOWN_PARAMETER, "refused")
    response = await ghl.post(PATH, body)

    assert response.status_code == status
    assert response.json()["message"] == message


async def test_a_long_result_is_paged_by_cursor(world: World, ghl: Caller) -> None:
    for number in range(7):
        world.ghl.add_contact("loc-1", id=f"more-{number}", email=f"{number}@example.com")
    body: dict[str, Any] = {"locationId": "loc-1", "pageLimit": 3}
    pages: list[list[str]] = []
    while contacts := (await ghl.post(PATH, body)).json()["contacts"]:
        pages.append([each["id"] for each in contacts])
        body["searchAfter"] = contacts[-1]["searchAfter"]

    assert [len(page) for page in pages] == [3, 3, 2]
    assert len({each for page in pages for each in page}) == 8


async def test_pages_end_at_ten_thousand_records_and_the_cursor_does_not(
    world: World, ghl: Caller, switch: Any
) -> None:
    for number in range(10_000):
        world.ghl.add_contact("loc-1", id=f"more-{number:05d}", email=f"{number}@example.com")
    body = {"locationId": "loc-1", "pageLimit": 500}
    last = (await ghl.post(PATH, body | {"page": 20})).json()["contacts"][-1]

    assert await found(ghl, body | {"page": 21}) == []
    assert await found(ghl, body | {"searchAfter": last["searchAfter"]}) == ["more-09999"]

    switch(FaultKind.DEEP_PAGE, "refuse")
    assert (await ghl.post(PATH, body | {"page": 21})).status_code == 400
