"""Instants, zones, ids and shapes, as they are read out of a body."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.ids import Operation, ProviderName
from reconcile.errors import ContractFault
from reconcile.providers import fields
from reconcile.providers.fields import JsonBody

NEW_YORK = ZoneInfo("America/New_York")
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=60), inner, max_size=6),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2023-09-25T16:00:00+05:30", datetime(2023, 9, 25, 10, 30, tzinfo=UTC)),
        ("2023-09-25T16:00:00+0530", datetime(2023, 9, 25, 10, 30, tzinfo=UTC)),
        ("2023-09-25T16:00:00Z", datetime(2023, 9, 25, 16, tzinfo=UTC)),
        ("2023-09-25T16:00:00.000Z", datetime(2023, 9, 25, 16, tzinfo=UTC)),
        ("2023-09-25T16:00:00.123456Z", datetime(2023, 9, 25, 16, 0, 0, 123456, tzinfo=UTC)),
        ("2023-09-25T16:00:00.1234567Z", datetime(2023, 9, 25, 16, 0, 0, 123456, tzinfo=UTC)),
        ("2023-09-25T16:00Z", datetime(2023, 9, 25, 16, tzinfo=UTC)),
        ("2023-09-25 16:00:00", datetime(2023, 9, 25, 20, tzinfo=UTC)),
        ("2023-09-25T16:00:00", datetime(2023, 9, 25, 20, tzinfo=UTC)),
        (1729821600000, datetime(2024, 10, 25, 2, tzinfo=UTC)),
        ("1729821600000", datetime(2024, 10, 25, 2, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_every_form_that_was_seen(written: object, expected: datetime) -> None:
    """Offsets, Z, fractions, wall clock of the zone (New York), epoch milliseconds."""
    assert fields.instant(written, NEW_YORK) == expected
    assert fields.instant(written, NEW_YORK).tzinfo is UTC


def test_a_wall_clock_that_is_skipped_is_shifted_forward() -> None:
    """At 02:00 on 12 March 2023 New York's clocks went to 03:00: 02:30 is read as 03:30."""
    expected = datetime(2023, 3, 12, 3, 30, tzinfo=NEW_YORK)

    assert fields.instant("2023-03-12 02:30:00", NEW_YORK) == expected == datetime(2023, 3, 12, 7, 30, tzinfo=UTC)


def test_of_a_wall_clock_that_is_shown_twice_the_first_is_meant() -> None:
    """At 02:00 on 5 November 2023 New York's clocks went back to 01:00: 01:30 is the one of summer time."""
    assert fields.instant("2023-11-05 01:30:00", NEW_YORK) == datetime(2023, 11, 5, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        {},
        [],
        "",
        "soon",
        "2023-09-25",
        "2023-09-25\x0016:00:00Z",
        "2023-02-30T10:00:00Z",
        "2023-09-25T25:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "1969-12-31T23:59:59Z",
        "99999999999999999999999",
        10**30,
        -5,
        0,
        1729821600,
        1729821600000.5,
        float("nan"),
        float("inf"),
    ],
)
def test_a_value_that_is_no_instant_is_refused(written: object) -> None:
    """Nothing is guessed: seconds are not taken for milliseconds, nor a date for its midnight."""
    with pytest.raises((ValueError, OverflowError)):
        fields.instant(written, NEW_YORK)


def test_a_naive_time_without_a_zone_is_refused() -> None:
    """The machine's own zone never enters."""
    with pytest.raises(ValueError, match="without an offset"):
        fields.instant("2023-09-25 16:00:00", None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("2023-09-25 16:00:00", True), ("2023-09-25T16:00:00Z", False), (1729821600000, False), ("soon", False)],
)
def test_a_time_needs_a_zone_only_if_it_is_naive(written: object, expected: bool) -> None:
    """An unreadable time is not naive: it is a fault later."""
    assert fields.is_naive(written) is expected


@pytest.mark.parametrize("name", ["America/New_York", "America/New York", " America/New_York "])
def test_a_zone_is_found_by_its_name_also_with_a_space(name: str) -> None:
    """The official example of a user has the name with a space."""
    assert fields.zone_named(name) == NEW_YORK


@pytest.mark.parametrize(
    "name", [None, "", " ", "Mars/Olympus", "America", "../../etc/passwd", "/etc/passwd", "a\x00b", "Ü", "x" * 5000]
)
def test_an_unknown_zone_name_is_none(name: str | None) -> None:
    """Neither a path nor a directory's name is opened, nothing crashes."""
    assert fields.zone_named(name) is None


def test_a_shape_names_keys_of_two_levels_and_no_values() -> None:
    """Keys that look like data (addresses, ids) are left out."""
    content = {
        "traceId": "secret-1",
        "appointment": {"title": "secret-2", "ann@example.com": 1},
        "events": ["secret-3", {"startTime": "secret-4", "deep": {"deeper": 1}}],
        "ann@example.com": {"id": 1},
        "ocQHyuzHvysMo5N5VsXc": {"id": 1},
        "a key": 1,
        "k" * 41: 1,
    }

    assert fields.shape(content) == (
        "appointment",
        "appointment.title",
        "events",
        "events.deep",
        "events.startTime",
        "traceId",
    )


@given(ANY_JSON)
def test_a_shape_is_bounded(content: object) -> None:
    """It goes into logs, rows and reports."""
    names = fields.shape(content)

    assert len(names) <= 40
    assert all(len(each) <= 40 and each.isascii() for each in names)


@given(ANY_JSON)
def test_reading_a_field_gives_a_value_or_a_contract_fault(content: object) -> None:
    """Whatever stands there."""
    body = JsonBody({"x": content}, ProviderName.HIGHLEVEL, Operation.APPOINTMENT, "GHL appointment")

    for read in (
        lambda: body.id(body.mapping(), "x"),
        lambda: body.instant(body.mapping(), "x", called="start time"),
        lambda: body.items("x"),
    ):
        try:
            read()
        except ContractFault as fault:
            assert str(fault).startswith("GHL appointment response ")  # noqa: PT017
