"""Reads stored JSON leniently: a value of an unexpected type counts as missing."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

_MOST_MILLISECONDS = 10**14


class JsonFields:
    """The fields of a JSON object; a value of an unexpected type counts as missing."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._stored = stored

    def text(self, name: str) -> str | None:
        """Return a text, or None."""
        value = self._stored.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts in a list."""
        value = self._stored.get(name)
        return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()

    def count(self, name: str) -> int:
        """Return an integer, 0 if there is none."""
        value = self._stored.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    def milliseconds(self, name: str) -> timedelta:
        """Return a duration, limited to some thousand years."""
        return timedelta(milliseconds=min(max(self.count(name), 0), _MOST_MILLISECONDS))

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object, empty if there is none."""
        value = self._stored.get(name)
        return value if isinstance(value, Mapping) else {}

    def instant(self, name: str) -> datetime | None:
        """Return a time with a zone, or None."""
        try:
            found = datetime.fromisoformat(self.text(name) or "")
        except ValueError:
            return None
        return found if found.tzinfo is not None else None


def json_objects(stored: object) -> Iterator[JsonFields]:
    """Return the objects of a JSON list."""
    if isinstance(stored, list | tuple):
        yield from (JsonFields(each) for each in stored if isinstance(each, Mapping))
