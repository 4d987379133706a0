"""The cadence of runs: by schedule, or lowered for a time."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from reconcile.domain.breaker.breaker import Breaker, BreakerState, OverrideKind
from reconcile.domain.due import START_JITTER

LONGEST = timedelta(days=30)
"""Maximum duration of an override; a longer change belongs into the schedule."""
SLOWEST = timedelta(days=7)
_UNITS = (("d", "days"), ("h", "hours"), ("m", "minutes"), ("s", "seconds"))
_DURATION = re.compile("".join(rf"(?:(?P<{word}>\d{{1,6}}){letter})?" for letter, word in _UNITS), re.ASCII)
_TICK = re.compile(r"-(\d{6,10})$", re.ASCII)
_FAR_OFF = timedelta(days=8)


class CadenceSource(StrEnum):
    """Where an override was set; removing the annotation ends only an override that came from it."""

    COMMAND = "command"
    ANNOTATION = "annotation"


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceOverride:
    """An operator's decision to run less often until a time, at which it expires."""

    every: timedelta
    reason: str
    actor: str
    set_at: datetime
    expires_at: datetime
    source: CadenceSource = CadenceSource.COMMAND

    def is_in_force(self, now: datetime) -> bool:
        """Return whether it is in force at this time."""
        return now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCadence:
    """The schedule of the settings; None if it is unknown."""

    schedule: str | None = None
    time_zone: str | None = None
    interval: timedelta | None = None
    """Time between the next two ticks."""
    next_at: datetime | None = None
    past_ticks: tuple[datetime, ...] = ()
    """The newest ``TICKS_NEEDED`` ticks that have passed."""
    is_automatic: bool = False
    """Whether ticks between two probes are not due while the run's breaker is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """A tick that is not due: the reason, and when the next one is."""

    reason: str
    due_at: datetime


def not_yet(
    now: datetime,
    *,
    last_at: datetime | None,
    override: CadenceOverride | None,
    run_breaker: Breaker | None,
) -> NotYet | None:
    """Return why a scheduled tick is not due, or None if it is.

    *last_at* is the start of the last scheduled run; *run_breaker* is given if the cadence follows it while open.
    """
    if run_breaker is not None and (waiting := _until_probe(run_breaker, now)) is not None:
        return NotYet(reason="the run's breaker is open until its next probe", due_at=waiting)
    if override is None or last_at is None or not override.is_in_force(now):
        return None
    due_at = min(last_at + override.every, override.expires_at)
    if now >= due_at - min(START_JITTER, override.every / 6):
        return None
    reason = f"every {spelled(override.every)} until {override.expires_at:%Y-%m-%dT%H:%M:%SZ}, by {override.actor}"
    return NotYet(reason=f"{reason}: {override.reason}", due_at=due_at)


def _until_probe(breaker: Breaker, now: datetime) -> datetime | None:
    held = breaker.override_kind(now)
    if held is OverrideKind.HOLD_CLOSED:
        return None
    if held is OverrideKind.HOLD_OPEN and breaker.override is not None:
        return breaker.override.expires_at
    at = breaker.next_probe_at if breaker.state is BreakerState.OPEN else None
    return at if at is not None and now < at - START_JITTER / 10 else None


def read_duration(text: str) -> timedelta:
    """Parse 90s, 10m, 2h, 1d or a combination; a ValueError's clause says what it must be."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError("must be a duration like 90s, 10m, 2h or 1h30m")
    return timedelta(**{word: int(count) for word, count in match.groupdict(default="0").items()})


def spelled(duration: timedelta) -> str:
    """Return *duration* in the format that ``read_duration`` parses."""
    left, parts = duration, []
    for letter, word in _UNITS:
        count, left = divmod(left, timedelta(**{word: 1}))
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts) or "0s"


def tick_of(job_name: str, *, now: datetime) -> datetime | None:
    """Return the scheduled time of a Job that a CronJob's controller created, or None for other Jobs.

    The controller names a Job after its CronJob and the scheduled minute, counted from 1970.
    """
    match = _TICK.search(job_name)
    if match is None:
        return None
    at = datetime.fromtimestamp(int(match[1]) * 60, UTC)
    return at if abs(now - at) <= _FAR_OFF else None
