"""Answers that a fault puts in place of the true one, at both providers."""

from typing import Any

import pytest

from reconcile.simulator import FaultKind
from tests.simulator.conftest import Caller

GHL = "/calendars/events/appointments/app-1"
CALENDLY = "/scheduled_events/ev-1"


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        ("token", "Invalid token: access token is invalid"),
        ("jwt", "Invalid JWT"),
        ("private_integration", "Invalid Private Integration token"),
        ("scope", "The token is not authorized for this scope."),
        ("user_type", "Token's user type mismatch!"),
        ("auth_class", "This authClass type is not allowed to access this scope. Please contact support."),
        ("command_timed_out", "Command timed out"),
    ],
)
async def test_ghl_has_many_reasons_for_401(ghl: Caller, switch: Any, cause: str, message: str) -> None:
    switch(FaultKind.UNAUTHORIZED, cause)

    response = await ghl.get(GHL)

    assert response.status_code == 401
    assert response.json()["message"] == message
    assert (response.json().keys() == {"message"}) == (cause == "command_timed_out")


@pytest.mark.parametrize(
    ("kind", "value", "status", "message"),
    [
        (FaultKind.FORBIDDEN, None, 403, "The token does not have access to this location."),
        (FaultKind.NOT_FOUND, None, 404, "Appointment not found"),
        (FaultKind.BAD_REQUEST, "Nope", 400, "Nope"),
        (FaultKind.UNPROCESSABLE, "property x should not exist", 422, ["property x should not exist"]),
        (FaultKind.SERVER_ERROR, 503, 503, "Internal server error"),
    ],
)
async def test_ghl_can_refuse(
    ghl: Caller, switch: Any, *, kind: FaultKind, value: Any, status: int, message: Any
) -> None:
    switch(kind, value)

    response = await ghl.get(GHL)

    assert response.status_code == status
    assert response.json()["message"] == message


@pytest.mark.parametrize(
    ("kind", "value", "status", "title"),
    [
        (FaultKind.UNAUTHORIZED, None, 401, "Unauthenticated"),
        (FaultKind.FORBIDDEN, "resource", 403, "Permission Denied"),
        (FaultKind.FORBIDDEN, "specify_organization", 403, "Permission Denied"),
        (FaultKind.FORBIDDEN, "other_organization", 403, "Permission Denied"),
        (FaultKind.FORBIDDEN, "event", 403, "Permission Denied"),
        (FaultKind.FORBIDDEN, "insufficient_scope", 403, "Insufficient scope"),
        (FaultKind.NOT_FOUND, None, 404, "Resource Not Found"),
        (FaultKind.BAD_REQUEST, None, 400, "Invalid Argument"),
        (FaultKind.UNPROCESSABLE, None, 422, "Unprocessable Entity"),
        (FaultKind.EXTERNAL_CALENDAR, None, 424, "External Calendar Error"),
        (FaultKind.SERVER_ERROR, None, 500, "Internal Server Error"),
    ],
)
async def test_calendly_can_refuse(
    calendly: Caller, switch: Any, *, kind: FaultKind, value: Any, status: int, title: str
) -> None:
    switch(kind, value)

    response = await calendly.get(CALENDLY)

    assert response.status_code == status
    assert response.json()["title"] == title


async def test_an_insufficient_scope_names_the_scopes(calendly: Caller, switch: Any) -> None:
    switch(FaultKind.FORBIDDEN, "insufficient_scope")

    assert (await calendly.get(CALENDLY)).json()["required_scopes"] == ["scheduled_events:read"]
    assert (await calendly.get("/users/me")).json()["required_scopes"] == ["users:read"]


@pytest.mark.parametrize("status", [200, 502, 503])
async def test_a_page_of_html_can_stand_for_an_answer(ghl: Caller, calendly: Caller, switch: Any, status: int) -> None:
    switch(FaultKind.HTML, status)

    for response in (await ghl.get(GHL), await calendly.get(CALENDLY)):
        assert response.status_code == status
        assert response.headers["content-type"].startswith("text/html")
        assert response.text.startswith("<!DOCTYPE html>")


async def test_a_redirect_leads_elsewhere(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.REDIRECT, "http://127.0.0.1:9/elsewhere")

    response = await ghl.get(GHL)

    assert response.status_code == 302
    assert response.headers["location"] == "http://127.0.0.1:9/elsewhere"
