"""Reads and writes faults as JSON, for the admin endpoint; unknown keys and values are refused."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from reconcile.simulator.faults.fault import Fault, FaultRefused, ShareUnit, incident
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.wire import Api, ApiOperation, Json

_KEYS = tuple(field.name for field in fields(Fault))
_PRESET_KEYS = ("preset", "workspace", "start", "end")
_WORDS: Mapping[str, type[StrEnum]] = {"kind": FaultKind, "api": Api, "operation": ApiOperation, "draw": ShareUnit}


def read_faults(document: object) -> Sequence[Fault]:
    """Return the faults in a document: one object or a list of them."""
    items = document if isinstance(document, list) else [document]
    return [fault for item in items for fault in _read_item(item)]


def write_fault(fault: Fault) -> Json:
    """Return a fault as JSON, without unset conditions."""
    body: Json = {}
    for key in _KEYS:
        value = getattr(fault, key)
        if value is not None:
            body[key] = value.isoformat() if isinstance(value, datetime) else value
    return body


def _read_item(item: object) -> Sequence[Fault]:
    if not isinstance(item, dict):
        raise FaultRefused("a fault is an object with at least a kind")
    known = _PRESET_KEYS if "preset" in item else _KEYS
    for key in item:
        if key not in known:
            raise FaultRefused(f"{key} is not a key of a fault: {', '.join(known)}")
    values: dict[str, Any] = {key: _read_value(key, value) for key, value in item.items() if value is not None}
    if "preset" in item:
        if values.pop("preset", None) != "incident":
            raise FaultRefused(f"preset {item['preset']!r} is not known: incident")
        return incident(**values)
    if "kind" not in values:
        raise FaultRefused(f"kind is missing: {', '.join(FaultKind)}")
    return [Fault(**values)]


def _read_value(key: str, value: object) -> object:
    match key, value:
        case (("kind" | "api" | "operation" | "draw"), _):
            return _word(key, value)
        case (("start" | "end"), _):
            return _instant(key, value)
        case (("workspace" | "subject" | "preset"), str()):
            return value
        case "share", (int() | float()) if not isinstance(value, bool):
            return value
        case "times", int() if not isinstance(value, bool) and value >= 0:
            return value
        case "value", _:
            return value
    wanted = {"share": "a number from 0 to 1", "times": "a whole number from 0"}.get(key, "a text")
    raise FaultRefused(f"{key} takes {wanted}, not {value!r}")


def _word(key: str, value: object) -> StrEnum:
    words = _WORDS[key]
    try:
        return words(str(value))
    except ValueError:
        raise FaultRefused(f"{key} {value!r} is not known: {', '.join(words)}") from None


def _instant(key: str, value: object) -> datetime:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise FaultRefused(f"{key} takes an instant in ISO 8601, not {value!r}") from None
