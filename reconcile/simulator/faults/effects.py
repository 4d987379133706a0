"""Effects that are the same for both providers' records: fields removed, set or added."""

from collections.abc import Container, Iterable
from typing import Any

import orjson

from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.wire import Json

UNKNOWN_FIELDS: Json = {"_unheardOf": {"nested": [1, None, "x"]}, "schemaRevision": 7}


def number_of(effects: Effects, kind: FaultKind) -> float | None:
    """Return the number of a fault, or None if it is off."""
    value = effects.get(kind)
    return float(value) if value is not None else None


def refuses_unknown(effects: Effects) -> bool:
    """Return whether undocumented parameters are refused; real clients send some."""
    return effects.get(FaultKind.UNKNOWN_PARAMETER) == "refused"


def unknown_names(names: Iterable[str], known: Container[str], effects: Effects) -> list[str]:
    """Return the messages of GHL's validator about unknown *names*."""
    if not refuses_unknown(effects):
        return []
    return [f"property {name} should not exist" for name in names if name not in known]


def alter(record: Json, effects: Effects, *, id_key: str) -> Json:
    """Return a record with the changes of the active faults."""
    if not effects:
        return record
    if effects.get(FaultKind.BROKEN_RECORD, "") in {record.get(id_key), str(record.get(id_key)).rpartition("/")[2]}:
        record.pop("startTime", None)
        record.pop("start_time", None)
    if FaultKind.MISSING_ID in effects:
        _lose_id(record, str(effects[FaultKind.MISSING_ID]), id_key)
    if FaultKind.MISSING_FIELD in effects:
        record.pop(str(effects[FaultKind.MISSING_FIELD]), None)
    if FaultKind.SET_FIELD in effects:
        name, _, value = str(effects[FaultKind.SET_FIELD]).partition("=")
        record[name] = orjson.loads(value)
    if FaultKind.EXTRA_FIELDS in effects:
        record.update(UNKNOWN_FIELDS)
    return record


def _lose_id(record: Json, how: str, id_key: str) -> None:
    if id_key not in record:
        return
    value: Any = record.pop(id_key)
    if how == "null":
        record[id_key] = None
    elif how == "empty":
        record[id_key] = ""
    elif how == "number":
        record[id_key] = 12345
    elif how == "renamed":
        record[f"{id_key}_v2"] = value
