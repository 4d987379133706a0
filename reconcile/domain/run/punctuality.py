"""Whether the schedule starts its runs: late after one missed tick, down after two."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MAX_GRACE = timedelta(minutes=5)
"""Maximum delay between a tick and its run."""
DOWN_AFTER = 2
"""Missed ticks."""
TICKS_NEEDED = DOWN_AFTER + 1
"""Past ticks that are needed: the newest may be within its grace time."""


class Punctuality(StrEnum):
    """The state of the schedule."""

    ON_TIME = "on_time"
    LATE = "late"
    DOWN = "down"
    UNKNOWN = "unknown"
    """The schedule is unknown to this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleState:
    """The state of the schedule; *missed_since* is the first tick without a run, or None."""

    punctuality: Punctuality
    missed_since: datetime | None = None


def schedule_state(last_started_at: datetime, ticks: tuple[datetime, ...], *, now: datetime) -> ScheduleState:
    """Return the state from the newest past *ticks* in any order; a run covers all ticks up to its start.

    A tick counts as missed when half the interval, at most ``MAX_GRACE``, has passed after it.
    """
    past = sorted(each for each in ticks if each <= now)
    if not past:
        return ScheduleState(punctuality=Punctuality.UNKNOWN)
    interval = past[-1] - past[-2] if len(past) > 1 else 2 * MAX_GRACE
    grace = min(interval / 2, MAX_GRACE)
    missed = [each for each in past if last_started_at < each <= now - grace]
    if not missed:
        return ScheduleState(punctuality=Punctuality.ON_TIME)
    punctuality = Punctuality.DOWN if len(missed) >= DOWN_AFTER else Punctuality.LATE
    return ScheduleState(punctuality=punctuality, missed_since=missed[0])


def ticks_every(interval: timedelta, *, since: datetime, now: datetime) -> tuple[datetime, ...]:
    """Return the newest past ticks of a schedule that starts at *since*."""
    newest = (now - since) // interval
    return tuple(since + number * interval for number in range(max(0, newest - TICKS_NEEDED + 1), newest + 1))
