"""Parses times of log lines in the forms of logging libraries and services."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)(?![\w:]))?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_FORMS = (
    rf"(?P<iso>\d{{4}}[-/]\d\d[-/]\d\d[T ]{_CLOCK}{_ZONE})",
    rf"(?P<ctime>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {_MONTH} [ \d]\d {_CLOCK} \d{{4}})",
    rf"(?P<access>\d\d/{_MONTH}/\d{{4}}:{_CLOCK} [+-]\d{{4}})",
    rf"(?P<util>{_MONTH} \d\d?, \d{{4}} \d\d?:\d\d:\d\d[\s\u202f][AP]M)",
    rf"(?P<dayfirst>\d\d? {_MONTH} \d{{4}} {_CLOCK}{_ZONE})",
    rf"(?P<syslog>{_MONTH} [ \d]\d {_CLOCK})",
    rf"(?P<android>\d\d-\d\d {_CLOCK})",
    r"(?P<epoch>\d\.\d{5,18}e\+?\d\d|\d{10}(?:\.\d{1,9})?|\d{13})",
    rf"(?P<clock>{_CLOCK}|\d\d?:\d\d[AP]M)",
)
_ANY = re.compile("(?:" + "|".join(_FORMS) + r")(?=[\s\]|,:\"}]|$)", re.ASCII)
_BEGINNINGS = frozenset("0123456789ADFJMNOSTW")
_ISO = re.compile(rf"(\d{{4}})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{{1,9}}))?{_ZONE}", re.ASCII)
_PARTS = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(\S*)$", re.ASCII)
_NUMBER = re.compile(r"\d{9,19}(?:\.\d{1,9})?|\d\.\d{5,18}e\+?\d\d", re.ASCII)
_FORMATS: Mapping[str, tuple[str, ...]] = {
    "ctime": ("%a %b %d %H:%M:%S.%f %Y", "%a %b %d %H:%M:%S %Y"),
    "access": ("%d/%b/%Y:%H:%M:%S %z",),
    "util": ("%b %d, %Y %I:%M:%S %p",),
    "dayfirst": ("%d %b %Y %H:%M:%S.%f", "%d %b %Y %H:%M:%S"),
}
_YEARLESS: Mapping[str, tuple[str, ...]] = {
    "syslog": ("%Y %b %d %H:%M:%S.%f", "%Y %b %d %H:%M:%S"),
    "android": ("%Y %m-%d %H:%M:%S.%f", "%Y %m-%d %H:%M:%S"),
}
_SLACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LeadingTime:
    """A time at the beginning of a text, up to *end*; *at* is None if it has no date."""

    at: datetime | None
    end: int
    is_precise: bool


def leading_time(text: str, start: int = 0, *, newest: datetime | None = None) -> LeadingTime | None:
    """Return the time that *text* has at *start*.

    A time without a year is the last such day that is not after *newest*; without *newest*, its date is unknown.
    """
    match = _ANY.match(text, start) if text[start : start + 1] in _BEGINNINGS else None
    if match is None or match.lastgroup is None:
        return None
    found = match[0]
    at = _parse(match.lastgroup, found, newest)
    return LeadingTime(at=at, end=match.end(), is_precise=any(mark in found for mark in ".,T"))


def read_instant(value: object) -> datetime | None:
    """Parse the value of a time field: text, or a number since 1970 in seconds to nanoseconds."""
    if isinstance(value, str):
        if _NUMBER.fullmatch(value):
            return _since_1970(float(value) if "." in value else int(value))
        if _ISO.match(value):
            match = _ISO.match(value)
            return None if match is None else _iso(match[0])
        found = _ANY.match(value)
        return None if found is None or found.lastgroup is None else _parse(found.lastgroup, found[0], None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    return None


def yearless(text: str, form: str, *, newest: datetime | None) -> datetime | None:
    """Read a time that names no year by a format of ``strptime`` that does not either."""
    if newest is None:
        return None
    for year in (newest.year, newest.year - 1):
        try:
            at = datetime.strptime(f"{year} {text}", f"%Y {form}").replace(tzinfo=UTC)
        except ValueError:
            continue
        if at <= newest + _SLACK:
            return at
    return None


def _parse(form: str, text: str, newest: datetime | None) -> datetime | None:
    if form == "iso":
        return _iso(text)
    if form == "epoch":
        return _since_1970(float(text) if "." in text else int(text))
    if form in _YEARLESS:
        formats = (each.removeprefix("%Y ") for each in _YEARLESS[form])
        found = (yearless(text.replace(",", "."), each, newest=newest) for each in formats)
        return next((at for at in found if at is not None), None)
    for each in _FORMATS.get(form, ()):
        try:
            at = datetime.strptime(text.replace("\u202f", " "), each)  # noqa: DTZ007 - some have a zone
        except ValueError:
            continue
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return None


def _iso(text: str) -> datetime | None:
    """Return an aware instant: without a zone it is taken to be in UTC, as containers' clocks are."""
    match = _PARTS.match(text)
    if match is None:
        return None
    year, month, day, clock, part, zone = match.groups()
    offset = "+00:00" if zone in {"", "Z", "UTC", "GMT"} else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    micro = (part or "0")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{clock}.{micro}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _since_1970(count: float) -> datetime | None:
    for size, unit in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1)):
        if count >= size:
            try:
                whole, part = divmod(count, unit)
                return datetime.fromtimestamp(int(whole), UTC) + timedelta(microseconds=round(float(part) / unit * 1e6))
            except (OverflowError, ValueError, OSError):
                return None
    return None
