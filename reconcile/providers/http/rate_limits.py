"""What providers say about their limits: how long to stay away, and the headers of what is left."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from reconcile.wire.retry_after import LONGEST_WAIT, retry_after, seconds

DEFAULT_WAIT = timedelta(seconds=30)
"""Where a 429 says nothing."""
_LEAST_EPOCH = 1_000_000_000
"""A "seconds left" of more than thirty years is a clock time."""

_COUNT = re.compile(rb"\s*[0-9]{1,12}\s*")


class Headers(Protocol):
    """Header fields; ``httpx.Headers`` is one."""

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """Every field as it was sent."""
        ...

    def get_list(self, key: str) -> list[str]:
        """Return every value of one field."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateHeaders:
    """What an answer said of its account's limits. A value that is missing or makes no sense is None."""

    limit: int | None = None
    """Calls in a window."""
    remaining: int | None = None
    daily_limit: int | None = None
    daily_remaining: int | None = None
    daily_reset: timedelta | None = None
    """GHL, where it says so: how long until the day's calls are counted anew."""
    window: timedelta | None = None
    """GHL: how long a window is."""
    reset: timedelta | None = None
    """Calendly: how long until the window ends."""

    @classmethod
    def read(cls, headers: Headers) -> "RateHeaders":
        """Read both providers' names; nothing in them can raise."""
        least: dict[bytes, int] = {}
        most: dict[bytes, int] = {}
        for raw_name, value in headers.raw:
            name = raw_name.lower()
            if name.startswith(b"x-ratelimit-") and _COUNT.fullmatch(value):
                number = int(value)
                # Of several values, the one that asks for more care.
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
            daily_reset=seconds(daily_reset / 1000) if daily_reset is not None else None,
            window=seconds(interval / 1000) if interval else None,
            reset=seconds(reset) if reset is not None and reset < _LEAST_EPOCH else None,
        )


NO_RATE_HEADERS = RateHeaders()


def daily_wait(rate: RateHeaders, *, now: datetime) -> timedelta:
    """Return how long to stay away from an account whose day is used up: as it says, else until the day ends in UTC."""
    if rate.daily_reset is not None:
        return rate.daily_reset
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return min(today + timedelta(days=1) - now, LONGEST_WAIT)


def wait_of(headers: Headers, rate: RateHeaders, *, now: datetime) -> timedelta:
    """Return how long to stay away after a 429: what it asked for, else what its limits imply, else DEFAULT_WAIT."""
    asked = retry_after(headers.get_list("Retry-After"), now=now)
    if asked is not None:
        return asked
    if rate.daily_remaining == 0:
        return daily_wait(rate, now=now)
    for implied in (rate.reset, rate.window):
        if implied is not None:
            return implied
    return DEFAULT_WAIT
