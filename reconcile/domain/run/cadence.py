"""How often runs happen: as planned, or otherwise for a while."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from reconcile.domain.breaker.breaker import Breaker, BreakerState, OverrideKind
from reconcile.domain.due import START_JITTER

LONGEST = timedelta(days=30)
"""How far ahead an override may reach: whoever wants it for longer changes the schedule."""
SLOWEST = timedelta(days=7)
_UNITS = (("d", "days"), ("h", "hours"), ("m", "minutes"), ("s", "seconds"))
_DURATION = re.compile("".join(rf"(?:(?P<{word}>\d{{1,6}}){letter})?" for letter, word in _UNITS), re.ASCII)
_TICK = re.compile(r"-(\d{6,10})$", re.ASCII)
_FAR_OFF = timedelta(days=8)


class CadenceSource(StrEnum):
    """Where an override came from; removing the annotation ends only one that came from it."""

    COMMAND = "command"
    ANNOTATION = "annotation"


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceOverride:
    """An operator's decision to run less often until an instant; it is over by itself."""

    every: timedelta
    reason: str
    actor: str
    set_at: datetime
    expires_at: datetime
    source: CadenceSource = CadenceSource.COMMAND

    def is_in_force(self, now: datetime) -> bool:
        """Tell whether it counts at this instant."""
        return now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCadence:
    """The schedule that the settings name; None where nobody says."""

    schedule: str | None = None
    time_zone: str | None = None
    interval: timedelta | None = None
    """Between the next two ticks."""
    next_at: datetime | None = None
    past_ticks: tuple[datetime, ...] = ()
    """The newest ``TICKS_NEEDED`` ticks that have passed."""
    is_automatic: bool = False
    """Whether ticks between two probes are not due while the run's breaker is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """A tick that is not due: why, and from when on the next one is."""

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

    *last_at* is when the last scheduled run began; *run_breaker* is given where the cadence follows it while open.
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
    """Read 90s, 10m, 2h, 1d or a row of them; a ValueError's clause says what it must be."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError("must be a duration like 90s, 10m, 2h or 1h30m")
    return timedelta(**{word: int(count) for word, count in match.groupdict(default="0").items()})


def spelled(duration: timedelta) -> str:
    """Return *duration* as ``read_duration`` reads it."""
    left, parts = duration, []
    for letter, word in _UNITS:
        count, left = divmod(left, timedelta(**{word: 1}))
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts) or "0s"


def tick_of(job_name: str, *, now: datetime) -> datetime | None:
    """Return the instant for which a CronJob's controller has made this Job, or None if somebody else made it.

    The controller names a Job after its CronJob and the scheduled minute, counted from 1970.
    """
    match = _TICK.search(job_name)
    if match is None:
        return None
    at = datetime.fromtimestamp(int(match[1]) * 60, UTC)
    return at if abs(now - at) <= _FAR_OFF else None
