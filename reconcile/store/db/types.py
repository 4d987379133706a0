"""SQL types of parameters: aware instants, JSON documents, and a column's own type by name."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum, auto
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import DateTime, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

POSTGRESQL = "postgresql"
SQLITE = "sqlite"

_MICROSECOND = timedelta(microseconds=1)
_MILLISECONDS_FROM = 100_000_000_000
"""Integers from here on are milliseconds since 1970, smaller ones seconds (until the year 5138)."""


@lru_cache(maxsize=4096)  # the rows of a batch share their instants, and formatting takes longer than a cache look-up
def instant_text(value: datetime) -> str:
    """Return an instant as text that sorts by time: UTC with microseconds."""
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def read_instant(value: object) -> datetime | None:
    """Return a stored value as an instant in UTC (a value without an offset is UTC); None if it is not an instant."""
    match value:
        case datetime():
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        case str():
            try:
                return read_instant(datetime.fromisoformat(value.strip()))
            except (ValueError, OverflowError):
                return None
        case int() | float():
            try:
                return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC)
            except (ValueError, OverflowError, OSError):
                return None
        case _:
            return None


class Instant(TypeDecorator[datetime]):
    """An aware instant: ``timestamptz`` in PostgreSQL, sortable text in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == SQLITE else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        return instant_text(value) if value is not None and dialect.name == SQLITE else value

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        del dialect
        return read_instant(value)


class UnreadableValue(Enum):
    """A stored value that cannot be read."""

    VALUE = auto()


UNREADABLE = UnreadableValue.VALUE


class StrictInstant(Instant):
    """An instant; ``UNREADABLE`` for any other value, so that it does not look like NULL."""

    cache_ok = True

    def process_result_value(self, value: object, dialect: Dialect) -> Any:  # noqa: ANN401 - an instant, or UNREADABLE
        found = super().process_result_value(value, dialect)
        return UNREADABLE if found is None and value is not None else found


class CleanText(TypeDecorator[str]):
    """Our own text, without NUL and lone surrogates, which columns cannot hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else clean(value)


class Native(UserDefinedType[Any]):
    """A column's type by its name in the catalog, for casts only."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: object) -> str:
        return self.name


TEXT = Text()


def instant_codec(
    zone: tzinfo | None,
) -> tuple[Callable[[datetime], tuple[int]], Callable[[tuple[int]], datetime | UnreadableValue]]:
    """Return the encoder and decoder of PostgreSQL's binary instants (microseconds since 2000)."""
    epoch = datetime(2000, 1, 1, tzinfo=zone)

    def encode(value: datetime) -> tuple[int]:
        return ((value - epoch) // _MICROSECOND,)

    def decode(value: tuple[int]) -> datetime | UnreadableValue:
        try:
            return epoch + timedelta(microseconds=value[0])
        except OverflowError:
            return UNREADABLE

    return encode, decode


def document(value: object) -> str:
    """Return *value* as JSON without NUL and lone surrogates, which PostgreSQL refuses."""
    try:
        text = orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except orjson.JSONEncodeError:
        text = ""
    if text and "\\u0000" not in text:
        return text
    return orjson.dumps(_cleaned(value), default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def read_document(text: str) -> object:
    """Return the content of stored JSON; None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def clean(text: str) -> str:
    """Return *text* with a replacement character for each NUL and lone surrogate, which columns cannot hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _cleaned(value: object) -> object:
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(str(key)): _cleaned(item) for key, item in value.items()}
        case list() | tuple():
            return [_cleaned(item) for item in value]
        case _:
            return value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return instant_text(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
