"""Converts values to plain JSON types, for commands and the server."""

import dataclasses
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, get_args

from reconcile.domain.coordination.annotation import instant


def plain(value: object) -> Any:  # noqa: ANN401, PLR0911 - JSON is of any type; one line for each
    """Return *value* in plain JSON types: camelCase names, UTC times, durations in seconds with a suffix."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return instant(value)
        case timedelta():
            return int(value.total_seconds())
        case Mapping():
            return {str(plain(key)): plain(inner) for key, inner in value.items()}
        case str() | int() | float() | bool() | None:
            return value
        case Sequence() | AbstractSet():
            return [plain(inner) for inner in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {_camel(field): plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            return str(value)


def _camel(field: "dataclasses.Field[object]") -> str:
    first, *rest = field.name.split("_")
    suffix = "Seconds" if timedelta in (field.type, *get_args(field.type)) else ""
    return first + "".join(word.capitalize() for word in rest) + suffix
