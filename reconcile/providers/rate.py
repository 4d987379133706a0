"""What providers say about their limits: ``Retry-After`` in all its forms, and the headers of what is left."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

LONGEST_WAIT = timedelta(hours=1)
"""No header keeps us away for longer: a wrong one would silence a workspace for as long as it likes."""
DEFAULT_WAIT = timedelta(seconds=30)
"""Where a 429 says nothing."""
_ZERO = timedelta(0)
_LEAST_EPOCH = 1_000_000_000
"""A "seconds left" of more than thirty years is a clock time."""

_COUNT = re.compile(r"\s*[0-9]{1,12}\s*", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_ZONE = r"(?: +(?:GMT|UTC|Z|[+-]0000))?"
_DATES = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"(?:[a-z]{{3}}, *)?(?P<day>\d\d?) +(?P<month>[a-z]{{3}}) +(?P<year>\d{{4}}) +{_TIME}{_ZONE}",
        rf"(?:[a-z]{{6,9}}, *)(?P<day>\d\d)-(?P<month>[a-z]{{3}})-(?P<year>\d\d) +{_TIME}{_ZONE}",
        rf"(?:[a-z]{{3}} +)(?P<month>[a-z]{{3}}) +(?P<day>\d\d?) +{_TIME} +(?P<year>\d{{4}})",
    )
)
"""The three forms of RFC 9110: IMF-fixdate, RFC 850 and asctime."""


class Headers(Protocol):
    """Header fields; ``httpx.Headers`` is one."""

    def multi_items(self) -> list[tuple[str, str]]:
        """Return every field, its name in lower case."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateHeaders:
    """What an answer said of its account's limits. A value that is missing or makes no sense is None."""

    limit: int | None = None
    """Calls in a window."""
    remaining: int | None = None
    daily_limit: int | None = None
    daily_remaining: int | None = None
    window: timedelta | None = None
    """GHL: how long a window is."""
    reset: timedelta | None = None
    """Calendly: how long until the window ends."""

    @classmethod
    def read(cls, headers: Headers) -> "RateHeaders":
        """Read both providers' names; nothing in them can raise."""
        least: dict[str, int] = {}
        most: dict[str, int] = {}
        for name, value in headers.multi_items():
            if name.startswith("x-ratelimit-") and _COUNT.fullmatch(value):
                number = int(value)
                # Of several values, the one that asks for more care.
                least[name] = min(number, least.get(name, number))
                most[name] = max(number, most.get(name, number))
        if not least:
            return NO_RATE_HEADERS
        interval = most.get("x-ratelimit-interval-milliseconds")
        reset = most.get("x-ratelimit-reset")
        return cls(
            limit=least.get("x-ratelimit-limit", least.get("x-ratelimit-max")),
            remaining=least.get("x-ratelimit-remaining"),
            daily_limit=least.get("x-ratelimit-limit-daily"),
            daily_remaining=least.get("x-ratelimit-daily-remaining"),
            window=_seconds(interval / 1000) if interval else None,
            reset=_seconds(reset) if reset is not None and reset < _LEAST_EPOCH else None,
        )


NO_RATE_HEADERS = RateHeaders()


def wait_of(headers: Headers, rate: RateHeaders, *, now: datetime) -> timedelta:
    """Return how long to stay away after a 429: what it asked for, else what its limits imply, else DEFAULT_WAIT."""
    asked = retry_after([value for name, value in headers.multi_items() if name == "retry-after"], now=now)
    if asked is not None:
        return asked
    if rate.daily_remaining == 0:
        return LONGEST_WAIT
    for implied in (rate.reset, rate.window):
        if implied is not None:
            return implied
    return DEFAULT_WAIT


def retry_after(values: Sequence[str], *, now: datetime) -> timedelta | None:
    """Return the longest of the waits that *values* ask for, from zero to LONGEST_WAIT; None where none is readable."""
    waits = [wait for value in values for wait in _waits(value.strip(), now)]
    return max(waits, default=None)


def _waits(value: str, now: datetime) -> list[timedelta]:
    date = _date(value, now)
    if date is not None:
        return [min(max(date - now, _ZERO), LONGEST_WAIT)]
    return [_seconds(float(part)) for part in map(str.strip, value.split(",")) if _NUMBER.fullmatch(part)]


def _seconds(number: float) -> timedelta:
    return timedelta(seconds=min(max(number, 0.0), LONGEST_WAIT.total_seconds()))


def _date(value: str, now: datetime) -> datetime | None:
    for form in _DATES:
        found = form.fullmatch(value)
        if found is None or found["month"].lower() not in _MONTHS:
            continue
        year = int(found["year"])
        if len(found["year"]) == 2:  # noqa: PLR2004 - RFC 850's form; more than fifty years ahead means the past
            year += 2000 if year + 2000 <= now.year + 50 else 1900
        try:
            return datetime(
                year,
                _MONTHS.index(found["month"].lower()) + 1,
                int(found["day"]),
                int(found["hour"]),
                int(found["minute"]),
                min(int(found["second"]), 59),  # a leap second
                tzinfo=UTC,
            )
        except ValueError:
            return None
    return None
