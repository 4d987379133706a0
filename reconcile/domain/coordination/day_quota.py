"""The calls of a day: what a provider's headers leave, how fast they are used, and when they are used up.

Only what was read is used: without headers on the day, or before enough time was measured, there is no forecast.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil

from reconcile.domain.ids import ProviderName, WorkspaceId

MEASURED_FOR = timedelta(minutes=30)
"""The shortest time between readings from which a rate is taken."""
SPAN = timedelta(hours=1)
"""A rate is taken from the last hour or two: a finished hour, and the present one."""
FRESH_FOR = timedelta(hours=2)
"""How long a reading is used, and the longest time between two readings that is measured."""
FORGOTTEN_AFTER = timedelta(days=1)
"""After this time without a reading the measurement begins anew."""
_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReading:
    """What the headers of a response at *at* say: calls *left* until *ends_at*."""

    at: datetime
    left: int
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRate:
    """The calls that were counted in a time: all calls to the account, and our runs' *own_calls* among them."""

    lasted: timedelta = timedelta(0)
    calls: int = 0
    own_calls: int = 0

    def __add__(self, other: "CallRate") -> "CallRate":
        return CallRate(
            lasted=self.lasted + other.lasted,
            calls=self.calls + other.calls,
            own_calls=self.own_calls + other.own_calls,
        )

    @property
    def other_calls(self) -> int:
        """The calls of other programs, backfills and single runs."""
        return max(0, self.calls - self.own_calls)

    def in_time(self, calls: int, duration: timedelta) -> float:
        """Return how many calls are made in *duration* if *calls* are made in the measured time."""
        return calls * (duration / self.lasted)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUse:
    """The last reading of an account, and the rate at which its calls were used under one *cadence*.

    *workspace_id* is one of the account's workspaces. *cadence* is text that changes with the cadence.
    """

    key: str
    provider: ProviderName
    workspace_id: WorkspaceId
    reading: DayReading
    cadence: str = ""
    hour: CallRate = field(default_factory=CallRate)
    """The present hour of the measurement."""
    hour_before: CallRate = field(default_factory=CallRate)

    def then(self, reading: DayReading, *, own_calls: int, cadence: str | None) -> "DayUse":
        """Return the use after *reading*; *own_calls* were made by a run of the schedule since the last one.

        A time in which the day was renewed is not measured. Another cadence begins a new measurement; None is unknown.
        """
        before, elapsed = self.reading, reading.at - self.reading.at
        cadence = self.cadence if cadence is None else cadence
        if cadence != self.cadence or abs(elapsed) > FORGOTTEN_AFTER:
            return replace(self, reading=reading, cadence=cadence, hour=CallRate(), hour_before=CallRate())
        if elapsed <= timedelta(0):
            return self  # another process has stored a later one
        is_same_day = reading.at < before.ends_at and reading.left <= before.left
        if not is_same_day or elapsed > FRESH_FOR:
            return replace(self, reading=reading)
        hour = self.hour + CallRate(lasted=elapsed, calls=before.left - reading.left, own_calls=own_calls)
        if hour.lasted < SPAN:
            return replace(self, reading=reading, hour=hour)
        return replace(self, reading=reading, hour=CallRate(), hour_before=hour)

    @property
    def rate(self) -> CallRate | None:
        """The measured rate; None if it was not measured for long enough."""
        rate = self.hour + self.hour_before
        return rate if rate.lasted >= MEASURED_FOR else None

    @property
    def used_up_at(self) -> datetime | None:
        """When no calls are left at this rate; None if the day's calls suffice, or if the rate is unknown."""
        left, at, rate = self.reading.left, self.reading.at, self.rate
        if left == 0:
            return at
        if rate is None or not rate.calls:
            return None
        seconds = rate.lasted.total_seconds() * left / rate.calls
        if seconds >= (self.reading.ends_at - at).total_seconds():
            return None
        return at + timedelta(seconds=seconds)

    def forecast(self, *, now: datetime, every: timedelta | None) -> "DayForecast | None":
        """Return the forecast if the day's calls will not suffice; None if they will, or if that is unknown.

        *every* is the present cadence, None if it is unknown.
        """
        used_up_at = self.used_up_at
        is_stale = self.reading.left > 0 and now - self.reading.at > FRESH_FOR
        if used_up_at is None or is_stale or now >= self.reading.ends_at:
            return None
        return DayForecast(
            provider=self.provider,
            workspace_id=self.workspace_id,
            left=self.reading.left,
            read_at=self.reading.at,
            used_up_at=used_up_at,
            renewed_at=self.reading.ends_at,
            fitting_cadence=self.fitting_cadence(every) if every else None,
        )

    def fitting_cadence(self, every: timedelta) -> timedelta | None:
        """Return the shortest cadence with which the day's calls suffice: *every*, or whole minutes above it.

        None if there is none: other callers alone use the calls up, or the rate is unknown.
        """
        rate, rest = self.rate, self.reading.ends_at - self.reading.at
        if rate is None or rest <= timedelta(0):
            return None
        free = self.reading.left - rate.in_time(rate.other_calls, rest)
        own = rate.in_time(rate.calls - rate.other_calls, rest)
        if own <= free:
            return every
        if free <= 0:
            return None
        minutes = ceil(every.total_seconds() * own / free / _MINUTE)
        fitting = timedelta(minutes=minutes) if minutes * _MINUTE < rest.total_seconds() else None
        return fitting if fitting is None else max(every, fitting)

    def spare(self, now: datetime) -> int | None:
        """Return how many calls are left until the day ends if the present rate continues; None if that is unknown."""
        if now >= self.reading.ends_at:
            return None
        rate, rest = self.rate, self.reading.ends_at - self.reading.at
        claimed = rate.in_time(rate.calls, rest) if rate is not None else 0.0
        return max(0, self.reading.left - ceil(claimed))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayForecast:
    """An account whose calls are used up at *used_up_at*, before the day's calls are renewed.

    *left* were left at *read_at*. *fitting_cadence* is the shortest cadence that fits; None if none does, or if the
    present one is unknown.
    """

    provider: ProviderName
    workspace_id: WorkspaceId
    left: int
    read_at: datetime
    used_up_at: datetime
    renewed_at: datetime
    fitting_cadence: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortDays:
    """The accounts of a provider whose day's calls will not suffice: how many, and the *first* to be used up."""

    provider: ProviderName
    count: int
    first: Sequence[DayUse]
