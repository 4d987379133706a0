"""Checks the values of a row from the driver; an unreadable value is a fault of its row only."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from reconcile.store.db.types import UNREADABLE
from reconcile.store.mapping.mapping import MappedTable

_KEYS = frozenset({"id", "lead_id", "workspace_id", "appointment_id"})
_NUMBERS = frozenset({"failure_count"})
_TEXTS = frozenset(
    {
        *("email", "contact_id", "status", "booking_id", "booking_provider", "booking_status", "reason", "mismatch"),
        *("appointment_id", "provider", "replaces", "timezone"),
        *("ghl_location_id", "ghl_token", "calendly_user", "calendly_token", "provider_preference"),
    }
)

NO_DATE = "has no date of the years 1 to 9999"
BYTES = "has bytes instead of text"
NO_UTF_8 = "has text that is not UTF-8"
NO_NUMBER = "has no number"
NUMBER = "has a number instead of text"
NO_KEY = "has a value that no statement can select"


def readable(
    row: RowMapping | Mapping[str, Any], table: MappedTable | None, *, beside: str
) -> tuple[dict[str, Any], str | None]:
    """Return *row* by our names, with None for unreadable values (keys are printed), and the fault, if any.

    *beside* is the table of ours that holds what *table* lacks. The text names tables and columns, never a value.
    """
    values: dict[str, Any] = dict(row)
    faults: list[str] = []
    for name, value in list(values.items()):
        if (what := value_fault(name, value)) is None:
            continue
        values[name] = spelled_out(value) if name in _KEYS else None
        column = table.column_names(name) if table and name in table.sources else None
        faults.append(f"{table}.{column} {what}" if column else f"{beside}.{name} {what}")
    return values, "; ".join(faults) or None


def value_fault(name: str, value: object) -> str | None:
    """Return the fault of the value of the field *name*, or None."""
    if value is UNREADABLE:
        return NO_DATE
    if isinstance(value, bytes):
        return BYTES
    if isinstance(value, int | float) and name in _TEXTS:  # as SQLite stores them in a column without a type
        return NUMBER
    if isinstance(value, str):
        if name in _NUMBERS:
            return NO_NUMBER
        return None if value.isascii() or _is_text(value) else NO_UTF_8
    return None


def spelled_out(value: object) -> str:
    """Return a printable, unique key for an unreadable one."""
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return str(value).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
