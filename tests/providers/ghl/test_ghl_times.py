"""Starts and ends that do not fit together."""

from zoneinfo import ZoneInfo

import pytest

from reconcile.errors import ContractFault
from reconcile.providers.ghl import parsing as ghl_parsing
from tests.providers.ghl.bodies import RAW


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2023-09-25T16:00:00+05:30", "2023-09-25T15:59:59+05:30"),
        ("2023-09-25T16:00:00+05:30", "2023-09-25T10:29:59Z"),
        ("2023-09-25 11:00:00", "2023-09-25T11:30:00Z"),
        ("2023-09-25T11:00:00Z", "2023-09-25 11:30:00"),
        ("2023-09-25 11:00:00", "2023-09-25T18:30:00Z"),
        (1_695_636_000_000, 1_695_635_999_000),
    ],
)
def test_an_end_that_does_not_fit_its_start_is_unreadable(start: object, end: object) -> None:
    """It lies before the start, or only one of the two says whose clock it is."""
    raw = {**RAW, "startTime": start, "endTime": end}

    with pytest.raises(ContractFault, match=r"^GHL appointment response has an unreadable end time field$"):
        ghl_parsing.read_appointment({"event": raw}, zone=ZoneInfo("America/Los_Angeles"))


def test_a_meeting_may_end_when_it_starts() -> None:
    """A length of nothing is a length."""
    raw = {**RAW, "endTime": RAW["startTime"]}

    appointment = ghl_parsing.read_appointment({"event": raw}).appointment

    assert appointment.ends_at == appointment.starts_at
