"""The ticks of a schedule that have passed, by which a late or missing run is told."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from reconcile.settings.cluster import past_ticks


@pytest.mark.parametrize(
    ("schedule", "now", "expected"),
    [
        ("*/5 * * * *", "2026-11-30T09:12", ["11-30T09:10", "11-30T09:05", "11-30T09:00"]),
        ("*/5 * * * *", "2026-11-30T09:15", ["11-30T09:15", "11-30T09:10", "11-30T09:05"]),
        # Summer time begins on March 29: 02:30 does not exist on that day, and runs at 03:00.
        ("30 2 * * *", "2026-03-30T12:00", ["03-30T00:30", "03-29T01:00", "03-28T01:30"]),
        # It ends on October 25: the hour from 02:00 comes twice, a daily tick in it once.
        ("30 2 * * *", "2026-10-26T12:00", ["10-26T01:30", "10-25T00:30", "10-24T00:30"]),
        ("*/30 * * * *", "2026-10-25T01:40", ["10-25T01:30", "10-25T01:00", "10-25T00:30", "10-25T00:00"]),
        # Over a weekend.
        ("55 17 * * 1-5", "2026-11-30T08:00", ["11-27T16:55", "11-26T16:55"]),
    ],
)
def test_the_newest_ticks_come_first(schedule: str, now: str, expected: Sequence[str]) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    found = past_ticks(schedule, time_zone="Europe/Berlin", now=at, count=len(expected))

    assert [f"{each:%m-%dT%H:%M}" for each in found] == expected
    assert all(each <= at for each in found)
