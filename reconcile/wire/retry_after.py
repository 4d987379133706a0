"""Parses ``Retry-After`` in all its forms."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

LONGEST_WAIT = timedelta(hours=1)
"""Upper bound: a wrong header must not stop a workspace for longer."""
_ZERO = timedelta(0)

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


def retry_after(values: Sequence[str], *, now: datetime) -> timedelta | None:
    """Return the longest of the delays in *values*, from zero to LONGEST_WAIT; None if none is readable."""
    waits = [wait for value in values for wait in _waits(value.strip(), now)]
    return max(waits, default=None)


def _waits(value: str, now: datetime) -> list[timedelta]:
    date = _date(value, now)
    if date is not None:
        return [min(max(date - now, _ZERO), LONGEST_WAIT)]
    return [seconds(float(part)) for part in map(str.strip, value.split(",")) if _NUMBER.fullmatch(part)]


def seconds(number: float) -> timedelta:
    """Return this number of seconds, from zero to LONGEST_WAIT."""
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
