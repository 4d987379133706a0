"""Reads fields of decoded response bodies. A ContractFault for a missing or wrong field names keys, never values."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from reconcile.domain.ids import Operation, ProviderName
from reconcile.errors import ContractFault

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALLEST_MILLIS = 100_000_000_000
"""Smaller numbers are refused: they are seconds rather than milliseconds (this one is 1973 in milliseconds)."""
_YEARS = range(1970, 9999)
"""Years that can be converted to any time zone without an overflow."""
_SHORTEST_TIME = len("2023-09-25T16:00")
_LONGEST_ID = 255
_KEY = re.compile(r"[A-Za-z_][A-Za-z_-]*[0-9]{0,2}", re.ASCII)
"""The form of a key name. Keys with more digits may be ids, keys with an @ addresses, that is, data."""
_MOST_KEYS = 40
_LONGEST_KEY = 40
_SCANNED_KEYS = 400
_MOST_BROKEN = 20
"""Broken records of one list; with more, the list is broken."""
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*", re.ASCII)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A decoded response body; *noun* is its name in messages (``GHL appointment``)."""

    content: object
    provider: ProviderName
    operation: Operation
    noun: str

    def missing(self, field: str) -> ContractFault:
        """Return the fault for a required *field* that is missing, empty or of a wrong type."""
        return self._fault(f"{self.noun} response missing required {field} field")

    def unreadable(self, field: str) -> ContractFault:
        """Return the fault for a *field* that is present and cannot be read."""
        return self._fault(f"{self.noun} response has an unreadable {field} field")

    def mapping(self) -> Mapping[str, Any]:
        """Return the content; raises ContractFault if it is not an object."""
        if isinstance(self.content, Mapping):
            return self.content
        raise self._fault(f"{self.noun} response is not an object")

    def items(self, key: str) -> Sequence[Mapping[str, Any]]:
        """Return the list of objects under *key*; raises ContractFault if it is missing or holds anything else."""
        values = self.mapping().get(key)
        if not isinstance(values, list):
            raise self.missing(key)
        if not all(isinstance(each, Mapping) for each in values):
            raise self.unreadable(key)
        return values

    def read_valid(self, values: Iterable[object], read: Callable[[Mapping[str, Any]], T], *, of: str) -> list[T]:
        """Apply *read* to each of *values* and leave out the broken ones; raises like ``read_each``."""
        results, _ = self.read_each(values, read, of=of)
        return results

    def read_each(
        self, values: Iterable[object], read: Callable[[Mapping[str, Any]], T], *, of: str
    ) -> tuple[list[T], list[ContractFault]]:
        """Apply *read* to each of *values*; return the results, and a fault with the shape of each broken value.

        Raises ContractFault for the list *of* values if all are broken, or at least 20.
        """
        results: list[T] = []
        faults: list[ContractFault] = []
        for value in values:
            try:
                if not isinstance(value, Mapping):
                    raise self.unreadable(of)
                results.append(read(value))
            except ContractFault as fault:
                faults.append(fault)
                fault.shape = shape(value)
                if len(faults) == _MOST_BROKEN:
                    break
        if faults and (not results or len(faults) == _MOST_BROKEN):
            faults[-1].shape = shape(self.content)
            raise faults[-1]
        return results, faults

    def id(self, fields: Mapping[str, Any], key: str = "id", *, called: str = "ID") -> str:
        """Return the id under *key*; raises ContractFault if it is missing."""
        value = identifier(fields.get(key))
        if value is None:
            raise self.missing(called)
        return value

    def instant(self, fields: Mapping[str, Any], key: str, *, called: str, zone: tzinfo | None = None) -> datetime:
        """Return the instant under *key*; raises ContractFault if it is missing or unreadable."""
        found = self.optional_instant(fields, key, called=called, zone=zone)
        if found is None:
            raise self.missing(called)
        return found

    def optional_instant(
        self, fields: Mapping[str, Any], key: str, *, called: str, zone: tzinfo | None = None
    ) -> datetime | None:
        """Return the instant under *key*, None if there is none; raises ContractFault if it is unreadable."""
        value = fields.get(key)
        if value is None or value == "":
            return None
        try:
            return instant(value, zone)
        except (ValueError, OverflowError):
            raise self.unreadable(called) from None  # the cause quotes the value

    def span(
        self, fields: Mapping[str, Any], start: str, end: str, *, zone: tzinfo | None = None
    ) -> tuple[datetime, datetime | None]:
        """Return the instants under *start* and *end*; the end may be missing.

        Raises ContractFault if the end precedes the start, or if only one of the two has an offset.
        """
        starts_at = self.instant(fields, start, called="start time", zone=zone)
        ends_at = self.optional_instant(fields, end, called="end time", zone=zone)
        if ends_at is not None and (ends_at < starts_at or is_naive(fields[start]) != is_naive(fields[end])):
            raise self.unreadable("end time")
        return starts_at, ends_at

    def _fault(self, message: str) -> ContractFault:
        return ContractFault(message, provider=self.provider, operation=self.operation, shape=shape(self.content))


def text(value: object) -> str | None:
    """Return *value* if it is a non-empty string of printable characters (no control characters), else None."""
    return value if isinstance(value, str) and value and value.isprintable() else None


def identifier(value: object) -> str | None:
    """Return *value* if it can be an id: at most 255 printable ASCII characters without white space or @; else None.

    A value with an @ is an e-mail address. No id of either provider has one.
    """
    found = text(value)
    is_plain = found is not None and found.isascii() and " " not in found and "@" not in found
    return found if found and is_plain and len(found) <= _LONGEST_ID else None


def is_true(value: object) -> bool:
    """Return whether *value* is ``True`` or the string "true" in any case."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def instant(value: object, zone: tzinfo | None) -> datetime:
    """Return *value* (ISO 8601 or epoch milliseconds) as an instant in UTC; raises ValueError or OverflowError.

    A time without an offset is local time of *zone*. A time that a clock change skips moves forward by the gap; a time
    that occurs twice is the first of the two.
    """
    found = _millis(value) or _iso(value)
    if found.tzinfo is None:
        if zone is None:
            raise ValueError("a time without an offset")
        found = found.replace(tzinfo=zone)
    found = found.astimezone(UTC)
    if found.year not in _YEARS:
        raise ValueError("a time far from the present")
    return found


def is_naive(value: object) -> bool:
    """Return whether *value* is a time without an offset."""
    try:
        return _millis(value) is None and _iso(value).tzinfo is None
    except (ValueError, OverflowError):
        return False


def zone_named(name: str | None) -> ZoneInfo | None:
    """Return the zone with this IANA name (spaces count as underscores); None if there is none."""
    key = name.strip().replace(" ", "_") if name else ""
    if not _ZONE.fullmatch(key):
        return None
    try:
        return ZoneInfo(key)
    except (KeyError, ValueError, OSError):  # OSError: the name of a directory, such as "America"
        return None


def shape(content: object) -> tuple[str, ...]:
    """Return the sorted keys of *content* and of one level below that have the form of a key name."""
    names: set[str] = set()
    for key, value in islice(content.items(), _SCANNED_KEYS) if isinstance(content, Mapping) else ():
        if not _is_name(key):
            continue
        names.add(key)
        inner = next((each for each in value if isinstance(each, Mapping)), None) if isinstance(value, list) else value
        if isinstance(inner, Mapping):
            names.update(f"{key}.{each}" for each in islice(inner, _SCANNED_KEYS) if _is_name(each))
    return tuple(sorted(each for each in names if len(each) <= _LONGEST_KEY)[:_MOST_KEYS])


def _is_name(key: object) -> bool:
    return isinstance(key, str) and len(key) <= _LONGEST_KEY and _KEY.fullmatch(key) is not None


def _millis(value: object) -> datetime | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len("253402300799999"):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if value < _SMALLEST_MILLIS:
            raise ValueError("a number too small for milliseconds")
        return _EPOCH + timedelta(milliseconds=value)
    return None


def _iso(value: object) -> datetime:
    if not isinstance(value, str) or len(value) < _SHORTEST_TIME or value[10] not in "T t":
        raise ValueError("not a time")
    return datetime.fromisoformat(value)
