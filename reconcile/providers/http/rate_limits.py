"""Reads rate limit headers, and how long to wait before the next call."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from reconcile.wire.retry_after import LONGEST_WAIT, retry_after, seconds

DEFAULT_WAIT = timedelta(seconds=30)
"""The wait after a 429 without any header."""
_DAY_MS = 24 * 60 * 60 * 1000
_LEAST_EPOCH = 1_000_000_000
"""A larger ``reset`` is an epoch time, not a number of seconds."""

_COUNT = re.compile(rb"\s*[0-9]{1,12}\s*")


class Headers(Protocol):
    """Header fields; ``httpx.Headers`` is one."""

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """All fields as they were sent."""
        ...

    def get_list(self, key: str) -> list[str]:
        """Return all values of one field."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateHeaders:
    """The rate limit headers of a response. A missing or invalid value is None."""

    limit: int | None = None
    """Calls in a window."""
    remaining: int | None = None
    daily_limit: int | None = None
    daily_remaining: int | None = None
    daily_reset: timedelta | None = None
    """GHL, optional: time until the daily count is reset."""
    window: timedelta | None = None
    """GHL: length of a window."""
    reset: timedelta | None = None
    """Calendly: time until the window ends."""

    @classmethod
    def read(cls, headers: Headers) -> "RateHeaders":
        """Read the headers of both providers; no value raises an error."""
        least: dict[bytes, int] = {}
        most: dict[bytes, int] = {}
        for raw_name, value in headers.raw:
            name = raw_name.lower()
            if name.startswith(b"x-ratelimit-") and _COUNT.fullmatch(value):
                number = int(value)
                # Of several values the more restrictive one is used.
                least[name] = min(number, least.get(name, number))
                most[name] = max(number, most.get(name, number))
        if not least:
            return NO_RATE_HEADERS
        interval = most.get(b"x-ratelimit-interval-milliseconds")
        reset = most.get(b"x-ratelimit-reset")
        daily_reset = most.get(b"x-ratelimit-daily-reset")
        return cls(
            limit=least.get(b"x-ratelimit-limit", least.get(b"x-ratelimit-max")),
            remaining=least.get(b"x-ratelimit-remaining"),
            daily_limit=least.get(b"x-ratelimit-limit-daily"),
            daily_remaining=least.get(b"x-ratelimit-daily-remaining"),
            daily_reset=timedelta(milliseconds=min(daily_reset, _DAY_MS)) if daily_reset is not None else None,
            window=seconds(interval / 1000) if interval else None,
            reset=seconds(reset) if reset is not None and reset < _LEAST_EPOCH else None,
        )


NO_RATE_HEADERS = RateHeaders()


def day_ends_at(rate: RateHeaders, *, now: datetime) -> datetime:
    """Return when the daily count is reset: the header's time, else midnight UTC."""
    if rate.daily_reset is not None:
        return now + rate.daily_reset
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def daily_wait(rate: RateHeaders, *, now: datetime) -> timedelta:
    """Return how long to wait with a used up daily limit."""
    return min(day_ends_at(rate, now=now) - now, LONGEST_WAIT)


def wait_of(headers: Headers, rate: RateHeaders, *, now: datetime) -> timedelta:
    """Return how long to wait after a 429: ``Retry-After``, else the time in its rate headers, else DEFAULT_WAIT."""
    requested = retry_after(headers.get_list("Retry-After"), now=now)
    if requested is not None:
        return requested
    if rate.daily_remaining == 0:
        return daily_wait(rate, now=now)
    for implied in (rate.reset, rate.window):
        if implied is not None:
            return implied
    return DEFAULT_WAIT
