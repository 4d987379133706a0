"""A run is late after one missed tick of its schedule and down after two."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.run.punctuality import (
    MAX_GRACE,
    TICKS_NEEDED,
    Punctuality,
    ScheduleState,
    schedule_state,
    ticks_every,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def ticks_before(now: datetime, interval: timedelta) -> tuple[datetime, ...]:
    newest = NOON + (now - NOON) // interval * interval
    return tuple(newest - number * interval for number in range(TICKS_NEEDED))


@pytest.mark.parametrize(
    ("interval", "started", "now", "expected", "missed_since"),
    [
        (MINUTE, "12:00:03", "12:00:50", Punctuality.ON_TIME, None),
        (MINUTE, "12:00:03", "12:01:29", Punctuality.ON_TIME, None),
        (MINUTE, "12:00:03", "12:01:30", Punctuality.LATE, "12:01:00"),
        (MINUTE, "12:00:03", "12:02:29", Punctuality.LATE, "12:01:00"),
        (MINUTE, "12:00:03", "12:02:30", Punctuality.DOWN, "12:01:00"),
        (MINUTE, "12:00:03", "12:51:00", Punctuality.DOWN, "12:49:00"),
        # A run that was started late, or by hand, covers the ticks before it.
        (MINUTE, "12:01:58", "12:02:10", Punctuality.ON_TIME, None),
        (MINUTE, "12:01:58", "12:02:31", Punctuality.LATE, "12:02:00"),
        # At most five minutes of grace, however rare the runs are.
        (HOUR, "12:00:20", "13:04:59", Punctuality.ON_TIME, None),
        (HOUR, "12:00:20", "13:05:00", Punctuality.LATE, "13:00:00"),
        (HOUR, "12:00:20", "14:04:59", Punctuality.LATE, "13:00:00"),
        (HOUR, "12:00:20", "14:05:00", Punctuality.DOWN, "13:00:00"),
    ],
)
def test_one_missed_tick_is_late_and_two_are_down(
    interval: timedelta, started: str, now: str, expected: Punctuality, missed_since: str | None
) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-03-02T{text}+00:00")

    state = schedule_state(at(started), ticks_before(at(now), interval), now=at(now))

    assert state == ScheduleState(punctuality=expected, missed_since=at(missed_since) if missed_since else None)


def test_without_a_schedule_nothing_is_known() -> None:
    assert schedule_state(NOON, (), now=NOON + HOUR).punctuality is Punctuality.UNKNOWN


def test_the_night_between_two_working_days_is_no_silence() -> None:
    friday, monday = datetime(2026, 3, 6, 17, 55, tzinfo=UTC), datetime(2026, 3, 9, 9, tzinfo=UTC)
    ticks = (monday, friday, friday - 5 * MINUTE)

    assert schedule_state(friday, ticks[1:], now=monday - MINUTE).punctuality is Punctuality.ON_TIME
    assert schedule_state(friday, ticks, now=monday + 4 * MINUTE).punctuality is Punctuality.ON_TIME
    assert schedule_state(friday, ticks, now=monday + MAX_GRACE).punctuality is Punctuality.LATE


@given(
    interval=st.timedeltas(min_value=timedelta(seconds=10), max_value=timedelta(days=2)),
    silence=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9)),
)
def test_of_regular_ticks_the_silence_alone_decides(interval: timedelta, silence: timedelta) -> None:
    now = NOON + silence
    grace = min(interval / 2, MAX_GRACE)

    state = schedule_state(NOON, ticks_every(interval, since=NOON, now=now), now=now)

    if silence < interval + grace:
        assert state.punctuality is Punctuality.ON_TIME
    elif silence < 2 * interval + grace:
        assert state.punctuality is Punctuality.LATE
    else:
        assert state.punctuality is Punctuality.DOWN
