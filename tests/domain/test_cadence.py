"""When a tick of the schedule is due, and what Jobs' names and durations say."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerPolicy,
    BreakerReason,
    Override,
    OverrideKind,
    Trip,
)
from reconcile.domain.run.cadence import CadenceOverride, not_yet, read_duration, spelled, tick_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPEN = Breaker(key=RUN_KEY).trip(NOW, Trip(reason=BreakerReason.ERROR_RATE), policy=BreakerPolicy(cooldown=5 * MINUTE))


def lowered(*, every: timedelta = 10 * MINUTE, lasts: timedelta = 120 * MINUTE) -> CadenceOverride:
    return CadenceOverride(every=every, reason="quota", actor="ada", set_at=NOW, expires_at=NOW + lasts)


def due_ticks(override: CadenceOverride, *, minutes: int) -> list[int]:
    """Return the minutes in which a schedule of every minute runs."""
    last_at, due = None, []
    for minute in range(minutes):
        now = NOW + minute * MINUTE
        if not_yet(now, last_at=last_at, override=override, run_breaker=None) is None:
            last_at = now
            due.append(minute)
    return due


def test_early_scheduled_runs_are_skipped_until_the_override_ends() -> None:
    assert due_ticks(lowered(lasts=25 * MINUTE), minutes=28) == [0, 10, 20, 25, 26, 27]


@given(st.integers(1, 60), st.integers(1, 240))
def test_runs_keep_the_requested_distance(every: int, lasts: int) -> None:
    due = due_ticks(lowered(every=every * MINUTE, lasts=lasts * MINUTE), minutes=lasts)

    assert due == list(range(0, lasts, every))


def test_a_tick_that_starts_a_little_early_is_not_left_out() -> None:
    early = NOW + 10 * MINUTE - timedelta(seconds=5)

    assert not_yet(early, last_at=NOW, override=lowered(), run_breaker=None) is None


def test_a_skipped_run_has_reason_and_due_time() -> None:
    waiting = not_yet(NOW + MINUTE, last_at=NOW, override=lowered(), run_breaker=None)

    assert waiting is not None
    assert waiting.due_at == NOW + 10 * MINUTE
    assert waiting.reason == "every 10m until 2026-03-01T14:00:00Z, by ada: quota"


def test_while_the_runs_breaker_is_open_the_probe_is_the_next_tick() -> None:
    waiting = not_yet(NOW + MINUTE, last_at=NOW, override=None, run_breaker=OPEN)

    assert waiting is not None
    assert waiting.due_at == OPEN.next_probe_at
    assert not_yet(NOW + 5 * MINUTE, last_at=NOW, override=None, run_breaker=OPEN) is None
    assert not_yet(NOW + MINUTE, last_at=NOW, override=None, run_breaker=Breaker(key=RUN_KEY)) is None


@pytest.mark.parametrize(("kind", "waits"), [(OverrideKind.HOLD_OPEN, True), (OverrideKind.HOLD_CLOSED, False)])
def test_an_operators_hand_outranks_the_breaker(kind: OverrideKind, *, waits: bool) -> None:
    hand = Override(kind=kind, reason="r", actor="a", expires_at=NOW + 60 * MINUTE)
    held = OPEN.with_override(hand, NOW, reason=BreakerReason.MANUAL_HOLD)
    waiting = not_yet(NOW + MINUTE, last_at=NOW, override=None, run_breaker=held)

    assert (waiting is not None and waiting.due_at == hand.expires_at) is waits


@given(st.integers(0, 10**7))
def test_a_duration_is_read_as_it_is_spelled(seconds: int) -> None:
    assert read_duration(spelled(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "1m1h", "1.5h", "1h ", "\u0661m"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        read_duration(text)


def test_only_a_controllers_job_name_gives_the_scheduled_time() -> None:
    minute = int(NOW.timestamp()) // 60

    assert tick_of(f"rec-{minute}", now=NOW + timedelta(seconds=7)) == NOW
    assert tick_of(f"rec-2-{minute - 60}", now=NOW) == NOW - timedelta(hours=1)
    assert tick_of("rec-backfill-20260301", now=NOW) is None
    assert tick_of("rec-by-hand", now=NOW) is None
    assert tick_of(f"rec-{minute - 100_000}", now=NOW) is None
