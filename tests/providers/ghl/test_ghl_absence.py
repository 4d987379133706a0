"""Which refusals name the appointment, or the contact, that was asked for; all others prove nothing."""

from collections.abc import Mapping
from typing import Any

import pytest

from reconcile.providers.ghl.absence import APPOINTMENT, CONTACT, says_not_found
from reconcile.providers.http.call import Reply

ID = "ocQHyuzHvysMo5N5VsXc"


def reply(status: int, message: str | list[str], **more: object) -> Reply:
    """Return a refusal in GHL's form."""
    text = message if isinstance(message, str) else "; ".join(message)
    return Reply(
        status=status, body={"message": message, "statusCode": status, "traceId": "b04c48fc", **more}, message=text
    )


@pytest.mark.parametrize("status", [404, 400])
@pytest.mark.parametrize(
    "message",
    [
        "Appointment not found",
        "APPOINTMENT_NOT_FOUND",
        "The event was not found",
        "Calendar event not found",
        "No such appointment",
        "This appointment no longer exists",
        "Event does not exist",
        "The appointment has been deleted",
        f"No record {ID}: it could not be found",
        f"{ID} not found",
        ["Appointment not found"],
    ],
)
def test_an_error_that_names_the_appointment_is_an_absence(status: int, message: str | list[str]) -> None:
    assert says_not_found(reply(status, message), APPOINTMENT, ID)
    assert not says_not_found(reply(422, message), APPOINTMENT, ID)
    assert not says_not_found(reply(200, message), APPOINTMENT, ID)


@pytest.mark.parametrize("fields", [{"code": "EVENT_NOT_FOUND"}, {"error": "Appointment not found"}, {"eventId": ID}])
def test_a_field_names_the_appointment_as_well_as_a_message(fields: Mapping[str, Any]) -> None:
    assert says_not_found(reply(404, "Not Found", **fields), APPOINTMENT, ID)


@pytest.mark.parametrize("status", [404, 400])
@pytest.mark.parametrize(
    "message",
    [
        "version header was not found.",
        "Location not found",
        "Token not found",
        "Company not found",
        "Calendar not found",
        "Contact not found",
        "User not found",
        "Not Found",
        "Bad Request",
        "",
        "default backend - 404",
        "no Route matched with those values",
        f"Route GET:/calendars/events/appointments/{ID} not found",
        f"Cannot GET /calendars/events/appointments/{ID}",
        f"The location of {ID} was not found",
        "Appointment not found for this location",
        "Calendar of the appointment not found",
        "Page not found",
    ],
)
def test_an_error_about_something_else_is_no_absence(status: int, message: str) -> None:
    assert not says_not_found(reply(status, message, error="Not Found"), APPOINTMENT, ID)


@pytest.mark.parametrize("body", [{}, None, [], "default backend - 404"])
def test_a_body_without_words_proves_nothing(body: object) -> None:
    assert not says_not_found(Reply(status=404, body=body), APPOINTMENT, ID)


@pytest.mark.parametrize(
    ("message", "expected"),
    [("Contact not found", True), (f"{ID} not found", True), ("Location not found", False), ("Not Found", False)],
)
def test_a_contact_is_missing_only_if_the_error_names_it(message: str, expected: bool) -> None:
    assert says_not_found(reply(400, message), CONTACT, ID) is expected
