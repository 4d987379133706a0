"""Every variant of GHL's answers, read without a server."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.ids import AppointmentId, ProviderName
from reconcile.errors import ContractFault, ProviderError
from reconcile.providers.ghl import parsing as ghl_parsing
from reconcile.providers.ghl.parsing import ContactAppointments
from tests.providers.ghl.bodies import ANSWERS, LISTED, RAW, TRACE

APPOINTMENT = Appointment(
    id=AppointmentId("ocQHyuzHvysMo5N5VsXc"),
    provider=ProviderName.HIGHLEVEL,
    status=AppointmentStatus.CONFIRMED,
    starts_at=datetime(2023, 9, 25, 10, 30, tzinfo=UTC),
    ends_at=datetime(2023, 9, 25, 11, 0, tzinfo=UTC),
    created_at=datetime(2023, 9, 20, 4, 30, tzinfo=UTC),
)
READERS: dict[str, Callable[[object], object]] = {
    "appointment": ghl_parsing.read_appointment,
    "contact appointments": ghl_parsing.read_contact_appointments,
    "contacts": ghl_parsing.read_contacts,
    "time zone": ghl_parsing.read_time_zone,
    "needs zone": ghl_parsing.needs_zone,
}


def without(raw: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return *raw* without *keys*."""
    return {key: value for key, value in raw.items() if key not in keys}


@pytest.mark.parametrize(
    "content",
    [
        {"event": RAW},
        {"event": RAW, **TRACE},
        {"appointment": RAW},
        {"appointment": RAW, **TRACE},
        RAW,
        {**RAW, **TRACE, "unheard": {"of": [1]}},
        {"event": None, "appointment": RAW},
    ],
)
def test_an_appointment_is_read_out_of_each_envelope(content: object) -> None:
    """The document, the clients and the incident disagree on the key."""
    record = ghl_parsing.read_appointment(content)

    assert record.appointment == APPOINTMENT
    assert record.location_id == "0007BWpSzSwfiuSl0tR2"
    assert record.contact_id == "9NkT25Vor1v4aQatFsv2"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("new", AppointmentStatus.CONFIRMED),
        ("confirmed", AppointmentStatus.CONFIRMED),
        ("Confirmed", AppointmentStatus.CONFIRMED),
        ("booked", AppointmentStatus.UNKNOWN),
        ("active", AppointmentStatus.CONFIRMED),
        ("cancelled", AppointmentStatus.CANCELED),
        ("canceled", AppointmentStatus.CANCELED),
        ("deleted", AppointmentStatus.CANCELED),
        ("showed", AppointmentStatus.SHOWED),
        ("completed", AppointmentStatus.SHOWED),
        ("noshow", AppointmentStatus.NO_SHOW),
        ("noShow", AppointmentStatus.NO_SHOW),
        ("no show", AppointmentStatus.NO_SHOW),
        ("no_show", AppointmentStatus.NO_SHOW),
        ("NO-SHOW", AppointmentStatus.NO_SHOW),
        ("rescheduled", AppointmentStatus.RESCHEDULED),
        ("invalid", AppointmentStatus.INVALID),
        ("tentative", AppointmentStatus.UNKNOWN),
    ],
)
def test_a_status_is_read_in_each_spelling(word: str, status: AppointmentStatus) -> None:
    """A word from outside the list is a named case, not a crash and not an absence."""
    assert ghl_parsing.status_of({"appointmentStatus": word}) is status


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ({"appointmentStatus": "showed", "appoinmentStatus": "new", "status": "new"}, AppointmentStatus.SHOWED),
        ({"appoinmentStatus": "showed", "status": "booked"}, AppointmentStatus.SHOWED),
        ({"status": "showed"}, AppointmentStatus.SHOWED),
        ({"appointmentStatus": None, "appoinmentStatus": "", "status": "showed"}, AppointmentStatus.SHOWED),
        ({"appointmentStatus": "booked", "appoinmentStatus": "cancelled"}, AppointmentStatus.CANCELED),
        ({"appointmentStatus": "booked", "status": "booked"}, AppointmentStatus.UNKNOWN),
        ({"appointmentStatus": "confirmed", "deleted": True}, AppointmentStatus.CANCELED),
        ({"appointmentStatus": "confirmed", "deleted": "true"}, AppointmentStatus.CANCELED),
        ({"appointmentStatus": "confirmed", "deleted": "false"}, AppointmentStatus.CONFIRMED),
        ({"appointmentStatus": "confirmed", "deleted": None}, AppointmentStatus.CONFIRMED),
        ({"deleted": True}, AppointmentStatus.CANCELED),
        ({}, None),
        ({"appointmentStatus": 5, "status": ["confirmed"]}, None),
    ],
)
def test_status_fields_are_read_in_order(raw: dict[str, Any], status: AppointmentStatus | None) -> None:
    """The right spelling first, then the wrong one, then the vague field; a vague word yields to a real one."""
    assert ghl_parsing.status_of(raw) is status


@pytest.mark.parametrize("word", ["cancelled", "rescheduled"])
def test_the_last_update_of_a_canceled_appointment_is_its_cancellation(word: str) -> None:
    """GHL has no field of its own for it."""
    record = ghl_parsing.read_appointment({"event": {**RAW, "appointmentStatus": word}})

    assert record.appointment.canceled_at == datetime(2023, 9, 21, 4, 30, tzinfo=UTC)


def test_an_end_and_the_dates_may_be_missing() -> None:
    """They are documented as required; nothing depends on them."""
    raw = without(RAW, "endTime", "dateAdded", "dateUpdated", "contactId", "locationId")
    appointment = ghl_parsing.read_appointment({"event": {**raw, "appointmentStatus": "cancelled"}}).appointment

    assert (appointment.ends_at, appointment.created_at, appointment.canceled_at) == (None, None, None)


@pytest.mark.parametrize(
    ("content", "message", "shape"),
    [
        ({}, "GHL appointment response missing required ID field", ()),
        ([], "GHL appointment response is not an object", ()),
        ("gone", "GHL appointment response is not an object", ()),
        (None, "GHL appointment response is not an object", ()),
        (
            {
                "appointment": without(RAW, "id", "title", "calendarId", "locationId", "dateAdded", "dateUpdated"),
                **TRACE,
            },
            "GHL appointment response missing required ID field",
            (
                "appointment",
                "appointment.appointmentStatus",
                "appointment.contactId",
                "appointment.endTime",
                "appointment.startTime",
                "traceId",
            ),
        ),
        ({"event": {}}, "GHL appointment response missing required ID field", ("event",)),
        ({"id": ""}, "GHL appointment response missing required ID field", ("id",)),
        ({"id": None}, "GHL appointment response missing required ID field", ("id",)),
        ({"id": 5}, "GHL appointment response missing required ID field", ("id",)),
        ({"id": "a\x00b"}, "GHL appointment response missing required ID field", ("id",)),
        ({"id": "a"}, "GHL appointment response missing required status field", ("id",)),
        ({"id": "a", "status": "new"}, "GHL appointment response missing required start time field", ("id", "status")),
        (
            {"id": "a", "status": "new", "startTime": "soon"},
            "GHL appointment response has an unreadable start time field",
            ("id", "startTime", "status"),
        ),
    ],
)
def test_a_missing_field_is_named_with_the_present_keys(content: object, message: str, shape: tuple[str, ...]) -> None:
    """An operator sees the new envelope at once; nobody sees its values."""
    with pytest.raises(ContractFault) as caught:
        ghl_parsing.read_appointment(content)

    assert str(caught.value) == message
    assert caught.value.shape == shape
    assert (caught.value.provider, caught.value.operation) == ("ghl", "appointment")


@pytest.mark.parametrize("key", ["startTime", "endTime", "dateAdded"])
@pytest.mark.parametrize("value", [5, True, {}, [], "soon", "0001-01-01T00:00:00+14:00", "\x00", 10**30])
def test_a_time_that_cannot_be_read_is_a_fault(key: str, value: object) -> None:
    """It is neither left out nor guessed, and it does not crash."""
    with pytest.raises(ContractFault, match=r"^GHL appointment response has an unreadable \w+ time field$"):
        ghl_parsing.read_appointment({"event": {**RAW, key: value}})


@pytest.mark.parametrize("words", [{"status": "booked"}, {"status": "booked", "appointmentStatus": "Booked"}])
def test_booked_alone_is_vague(words: dict[str, str]) -> None:
    """The caller asks for the appointment itself."""
    raw = {**without(RAW, "appointmentStatus"), **words}
    (record,) = ghl_parsing.read_contact_appointments({"events": [raw]}).records

    assert record.is_vague
    assert record.appointment.status is AppointmentStatus.UNKNOWN


@pytest.mark.parametrize("word", ["tentative", "confirmed", "cancelled"])
def test_any_other_word_is_not_vague(word: str) -> None:
    """A word that is not known would be the same when asked for by id."""
    (record,) = ghl_parsing.read_contact_appointments({"events": [{**RAW, "appointmentStatus": word}]}).records

    assert not record.is_vague


def test_listed_times_are_the_wall_clock_of_the_location() -> None:
    """No offset is sent with them."""
    zone = ZoneInfo("America/New_York")
    (record,) = ghl_parsing.read_contact_appointments({"events": [LISTED], **TRACE}, zone=zone).records

    assert record.appointment.starts_at == datetime(2021, 7, 16, 15, tzinfo=UTC)
    assert record.appointment.ends_at == datetime(2021, 7, 16, 15, 30, tzinfo=UTC)
    assert record.appointment.created_at == datetime(2021, 7, 16, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"events": [LISTED]}, True),
        ({"events": [RAW, LISTED]}, True),
        ({"events": [RAW]}, False),
        ({"events": []}, False),
        ({"event": RAW}, False),
        ({"event": {**RAW, "startTime": "2021-07-16 11:00:00"}}, True),
        ({"appointment": LISTED}, True),
        (LISTED, True),
        (None, False),
        ({"events": [5]}, False),
        ({"appointments": [LISTED]}, True),
        ({"appointments": [RAW]}, False),
    ],
)
def test_a_zone_is_needed_only_for_a_time_without_an_offset(content: object, expected: bool) -> None:
    """Else the call that asks for it is saved."""
    assert ghl_parsing.needs_zone(content) is expected


def test_a_contact_may_have_no_appointments() -> None:
    """An empty list is an answer."""
    assert ghl_parsing.read_contact_appointments({"events": []}) == ContactAppointments(records=())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "GHL contact appointments response missing required events field"),
        ({"bookings": [RAW]}, "GHL contact appointments response missing required events field"),
        ({"appointments": {"id": "x"}}, "GHL contact appointments response missing required events field"),
        ({"events": None}, "GHL contact appointments response missing required events field"),
        ({"events": [5]}, "GHL contact appointments response has an unreadable events field"),
        ({"events": [without(RAW, "id")]}, "GHL contact appointments response missing required ID field"),
        ({"events": [without(RAW, "id")] * 3}, "GHL contact appointments response missing required ID field"),
        (
            {"events": [RAW] * 50 + [without(RAW, "id")] * 20},
            "GHL contact appointments response missing required ID field",
        ),
    ],
)
def test_a_list_under_another_key_is_a_fault_and_not_an_empty_list(content: object, message: str) -> None:
    """Else a renamed key would say that nobody has an appointment."""
    with pytest.raises(ContractFault) as caught:
        ghl_parsing.read_contact_appointments(content)

    assert str(caught.value) == message


@pytest.mark.parametrize("reader", READERS)
@given(content=ANSWERS)
def test_no_answer_raises_anything_but_a_fault(reader: str, content: object) -> None:
    """Whatever JSON comes."""
    try:
        READERS[reader](content)
    except ProviderError as error:
        assert isinstance(error, ContractFault)  # noqa: PT017
