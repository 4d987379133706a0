"""Every variant of Calendly's answers, read without a server."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.evidence.booking_reference import CalendlyReference
from reconcile.domain.ids import AppointmentId, ProviderName
from reconcile.errors import ContractFault, ProviderError
from reconcile.providers.calendly import parsing as calendly_parsing
from reconcile.providers.calendly.booking_state import BookedInvitee
from reconcile.providers.calendly.parsing import Page
from reconcile.providers.http.call import Reply
from tests.providers.calendly.bodies import ANSWERS, CANCELLATION, EVENT, INVITEE, LAST_PAGE, ORIGIN

READERS: dict[str, Callable[[object], object]] = {
    "event": calendly_parsing.read_event,
    "events": calendly_parsing.read_events,
    "invitee": calendly_parsing.read_invitee,
    "invitees": calendly_parsing.read_invitees,
    "user": calendly_parsing.read_owner,
}


def appointment(*, event: dict[str, Any] | None = None, invitee: dict[str, Any] | None = None) -> Appointment:
    """Read both with some fields changed, and say what they say together."""
    return BookedInvitee(
        event=calendly_parsing.read_event({"resource": {**EVENT, **(event or {})}}),
        invitee=calendly_parsing.read_invitee({"resource": {**INVITEE, **(invitee or {})}}),
    ).appointment()


def test_an_active_invitee_of_an_active_event_is_confirmed() -> None:
    """The event gives the times, the invitee the id."""
    assert appointment() == Appointment(
        id=AppointmentId(f"{ORIGIN}/scheduled_events/GBGBDCAADAEDCRZ2/invitees/INV"),
        provider=ProviderName.CALENDLY,
        status=AppointmentStatus.CONFIRMED,
        starts_at=datetime(2019, 8, 24, 14, 15, 22, 123456, tzinfo=UTC),
        ends_at=datetime(2019, 8, 24, 14, 30, 22, 123456, tzinfo=UTC),
        created_at=datetime(2020, 11, 23, 17, 51, 18, 327602, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("event", "invitee", "status"),
    [
        ({}, {"status": "canceled"}, AppointmentStatus.CANCELED),
        ({}, {"status": "canceled", "rescheduled": True}, AppointmentStatus.RESCHEDULED),
        ({}, {"status": "active", "rescheduled": True}, AppointmentStatus.CONFIRMED),
        ({"status": "canceled"}, {}, AppointmentStatus.CANCELED),
        ({"status": "canceled"}, {"no_show": {"uri": "u"}}, AppointmentStatus.CANCELED),
        ({"status": "canceled"}, {"status": "canceled", "rescheduled": True}, AppointmentStatus.RESCHEDULED),
        ({}, {"no_show": {"uri": "u", "created_at": "2020-11-23T17:51:18Z"}}, AppointmentStatus.NO_SHOW),
        ({}, {"status": "canceled", "no_show": {"uri": "u"}}, AppointmentStatus.CANCELED),
        ({}, {"canceled": True}, AppointmentStatus.CONFIRMED),
        ({}, {"status": "Cancelled"}, AppointmentStatus.CANCELED),
        ({}, {"status": "waitlisted"}, AppointmentStatus.UNKNOWN),
        ({"status": "paused"}, {}, AppointmentStatus.UNKNOWN),
        ({"status": "paused"}, {"status": "canceled"}, AppointmentStatus.CANCELED),
    ],
)
def test_the_invitee_decides(event: dict[str, Any], invitee: dict[str, Any], status: AppointmentStatus) -> None:
    """A group event goes on when one leaves it; one that is called off is so for all."""
    assert appointment(event=event, invitee=invitee).status is status


@pytest.mark.parametrize(
    ("event", "invitee", "canceled_at"),
    [
        ({}, {"status": "canceled"}, "2020-11-23T17:54:22.356897+00:00"),
        ({}, {"status": "canceled", "cancellation": CANCELLATION}, "2020-11-23T17:54:22.356897+00:00"),
        (
            {},
            {"status": "canceled", "cancellation": {"created_at": "2020-11-23T17:54:00Z"}},
            "2020-11-23T17:54:00+00:00",
        ),
        ({"status": "canceled"}, {}, "2019-01-02T03:04:05.678123+00:00"),
        (
            {"status": "canceled", "cancellation": {"created_at": "2019-01-03T00:00:00Z"}},
            {},
            "2019-01-03T00:00:00+00:00",
        ),
    ],
)
def test_a_cancellation_has_its_instant(event: dict[str, Any], invitee: dict[str, Any], canceled_at: str) -> None:
    """Its own, else that of the last update."""
    assert appointment(event=event, invitee=invitee).canceled_at == datetime.fromisoformat(canceled_at)


def test_both_ends_of_a_reschedule_are_read() -> None:
    """On any host, and in the canonical form."""
    invitee = calendly_parsing.read_invitee(
        {
            "resource": {
                **INVITEE,
                "old_invitee": "https://calendly.com/scheduled_events/EV_OLD/invitees/INV_OLD",
                "new_invitee": "https://evil.example/scheduled_events/EV_NEW/invitees/INV_NEW?x=1",
            }
        }
    )

    assert invitee.predecessor == CalendlyReference(event="EV_OLD", invitee="INV_OLD")
    assert invitee.successor == CalendlyReference(event="EV_NEW", invitee="INV_NEW")
    assert appointment(invitee={"old_invitee": "/scheduled_events/A/invitees/B"}).replaces == (
        f"{ORIGIN}/scheduled_events/A/invitees/B"
    )


@pytest.mark.parametrize("fraction", ["", ".0", ".000", ".123456", ".1234567"])
def test_fractions_of_any_length_are_read(fraction: str) -> None:
    """The document and the fixtures differ."""
    starts_at = appointment(event={"start_time": f"2019-08-24T14:15:22{fraction}Z"}).starts_at

    assert starts_at.replace(microsecond=0) == datetime(2019, 8, 24, 14, 15, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pagination", "token"),
    [
        (LAST_PAGE, None),
        ({"count": 1}, None),
        ({"next_page_token": "tok", "next_page": "https://evil.example/?page_token=other"}, "tok"),
        ({"next_page": "https://calendly.com/scheduled_events?count=1&page_token=tok%2B"}, "tok+"),
        ({"next_page": "https://calendly.com/scheduled_events?page_token=tok", "next_page_token": None}, "tok"),
    ],
)
def test_the_next_page_is_requested_by_token(pagination: dict[str, Any], token: str | None) -> None:
    """Which is taken out of the next page's URL where the key of its own is missing."""
    assert calendly_parsing.read_events({"collection": [EVENT], "pagination": pagination}).token == token


def test_a_page_of_invitees_is_read() -> None:
    """With addresses in lower case."""
    page = calendly_parsing.read_invitees(
        {"collection": [INVITEE, {**INVITEE, "email": None}], "pagination": LAST_PAGE}
    )

    assert isinstance(page, Page)
    assert [each.email for each in page.items] == ["test@example.com", None]


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        ("invitee", {}, "Calendly invitee response missing required resource field"),
        ("invitee", INVITEE, "Calendly invitee response missing required resource field"),
        ("invitee", [], "Calendly invitee response is not an object"),
        ("invitee", {"resource": {}}, "Calendly invitee response missing required URI field"),
        ("invitee", {"resource": {**INVITEE, "uri": 5}}, "Calendly invitee response missing required URI field"),
        (
            "invitee",
            {"resource": {**INVITEE, "uri": EVENT["uri"]}},
            "Calendly invitee response missing required URI field",
        ),
        (
            "invitee",
            {"resource": {**INVITEE, "status": None}},
            "Calendly invitee response missing required status field",
        ),
        (
            "invitee",
            {"resource": {**INVITEE, "created_at": "\x00"}},
            "Calendly invitee response has an unreadable creation time field",
        ),
        ("event", {"resource": {**EVENT, "uri": ""}}, "Calendly event response missing required URI field"),
        (
            "event",
            {"resource": {**EVENT, "start_time": None}},
            "Calendly event response missing required start time field",
        ),
        (
            "event",
            {"resource": {**EVENT, "start_time": "2019-08-24 14:15:22"}},
            "Calendly event response has an unreadable start time field",
        ),
        ("events", {"pagination": LAST_PAGE}, "Calendly events response missing required collection field"),
        ("events", {"collection": [EVENT]}, "Calendly events response missing required pagination field"),
        (
            "events",
            {"collection": [], "pagination": {"next_page_token": 5}},
            "Calendly events response has an unreadable next page field",
        ),
        (
            "events",
            {"collection": [], "pagination": {"next_page": "https://calendly.com/?count=1"}},
            "Calendly events response has an unreadable next page field",
        ),
        (
            "invitees",
            {"collection": [], "pagination": {"next_page": "https://[broken"}},
            "Calendly invitees response has an unreadable next page field",
        ),
        ("user", {"resource": {"uri": None}}, "Calendly user response missing required URI field"),
        (
            "user",
            {"resource": {"uri": f"{ORIGIN}/organizations/A"}},
            "Calendly user response missing required URI field",
        ),
    ],
)
def test_a_missing_field_is_named(reader: str, content: object, message: str) -> None:
    """The field, and which answer it is missing from."""
    with pytest.raises(ContractFault) as caught:
        READERS[reader](content)

    assert str(caught.value) == message


def test_the_keys_that_were_there_are_listed() -> None:
    """One level deep, without their values."""
    with pytest.raises(ContractFault) as caught:
        calendly_parsing.read_invitee({"resource": {"email": "ann@example.com"}, "note": "secret"})

    assert caught.value.shape == ("note", "resource", "resource.email")


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (f"{ORIGIN}/users/AAAA", "AAAA"),
        ("https://evil.example/users/AAAA/", "AAAA"),
        ("/users/AAAA", "AAAA"),
        ("AAAA", "AAAA"),
        (f"{ORIGIN}/organizations/AAAA", None),
        (f"{ORIGIN}/users/AAAA?x=1", None),
        ("", None),
        (None, None),
    ],
)
def test_an_account_is_reduced_to_its_id(account: str | None, expected: str | None) -> None:
    """The URI that is sent is built anew from it."""
    assert calendly_parsing.user_id(account) == expected


@pytest.mark.parametrize(
    ("status", "body", "message", "expected"),
    [
        (404, {"title": "Resource Not Found"}, "The server could not find the requested resource.", True),
        (404, {"message": "x"}, "x", False),
        (404, {"title": "Not Found"}, "No route matches [GET] /scheduled_events", False),
        (404, {"title": "Resource Not Found"}, "", False),
        (404, {}, "", False),
        (404, [], "", False),
        (400, {"message": "not found"}, "not found", False),
        (422, {"message": "not found"}, "not found", False),
        (200, {"message": "not found"}, "not found", False),
    ],
)
def test_only_a_404_in_calendlys_own_form_is_an_absence(
    status: int, body: object, message: str, expected: bool
) -> None:
    """Another server's 404 knows nothing of invitees."""
    assert calendly_parsing.is_missing(Reply(status=status, body=body, message=message)) is expected


@pytest.mark.parametrize("reader", READERS)
@given(content=ANSWERS)
def test_no_answer_raises_anything_but_a_fault(reader: str, content: object) -> None:
    """Whatever JSON comes."""
    try:
        READERS[reader](content)
    except ProviderError as error:
        assert isinstance(error, ContractFault)  # noqa: PT017


def test_an_event_that_ends_before_it_starts_is_unreadable() -> None:
    """Nothing is made of such a record."""
    content = {"resource": {**EVENT, "end_time": "2019-08-24T14:15:22.123455Z"}}

    with pytest.raises(ContractFault, match=r"^Calendly event response has an unreadable end time field$"):
        calendly_parsing.read_event(content)
