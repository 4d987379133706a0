"""The source of one field in a customer's table, and its form there.

A source is a column, a column for each provider, a date and a time, or an SQL expression that is only read. For an
instant it also says how it is spelled: as local time of a *zone*, or as seconds or milliseconds since 1970.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reconcile.domain.ids import ProviderName
from reconcile.domain.setup.draft import UNDECIDED

INSTANTS = frozenset(
    {
        *("booking_starts_at", "booking_ends_at", "booking_canceled_at", "last_inbound_at", "attempted_at"),
        *("updated_at", "created_at", "starts_at", "ends_at", "canceled_at", "at"),
    }
)
BOOLEANS = frozenset({"in_sequence", "active"})
READ_ONLY = frozenset(
    {
        *("timezone", "ghl_location_id", "ghl_token", "calendly_user", "calendly_token", "active"),
        "provider_preference",
        *("email", "in_sequence", "last_inbound_at"),
    }
)
"""Fields that are never written, so they may be expressions."""
PER_PROVIDER = frozenset({"booking_id", "appointment_id"})

_FORMS = (
    '"column"',
    '{ column = "c", zone = "Europe/Berlin" }',
    '{ column = "c", epoch = "ms" }',
    '{ date = "d", time = "t" }',
    '{ ghl = "c", calendly = "d" }',
    '{ sql = "expression" }',
)
_KEYS = ("column", "date", "time", "sql", "zone", "epoch", *ProviderName)


class Epoch(StrEnum):
    """The unit of a number that stands for an instant, since 1970."""

    SECONDS = "s"
    MILLISECONDS = "ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """SQL over the row, as written in the mapping; no value is ever inserted into it."""

    sql: str
    when: str | None = None
    """The field whose change sets the column; None: any change."""


Constant = str | int | bool | Expression
"""The value that a column is set to: a constant, or an expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The source of a field: exactly one of *column*, *by_provider*, *date* with *time*, and *sql* is given."""

    column: str | None = None
    by_provider: Mapping[ProviderName, str] = field(default_factory=dict)
    date: str | None = None
    time: str | None = None
    sql: str | None = None
    zone: str | None = None
    epoch: Epoch | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that hold the field."""
        named = (self.column, *self.by_provider.values(), self.date, self.time)
        return tuple(name for name in named if name is not None)

    @property
    def is_typed(self) -> bool:
        """Whether the column's own type determines the form of its instants."""
        return self.zone is None and self.epoch is None


def read_source(name: str, value: object, *, where: str, fault: Callable[[str], None]) -> Source | None:
    """Return the source of the field *name* that *value* describes, or report its fault."""
    if value == UNDECIDED or (isinstance(value, dict) and UNDECIDED in value.values()):
        fault(f"{where} {name} is undecided; replace {UNDECIDED}")
        return Source(column=UNDECIDED)
    return Source(column=str(value)) if is_column(value) else _form(name, value, where=where, fault=fault)


def _form(name: str, value: object, *, where: str, fault: Callable[[str], None]) -> Source | None:
    place = f"{where} {name}"
    if not isinstance(value, dict):
        fault(f"{place} must be the name of a column, or one of {', '.join(_FORMS[1:])}")
        return None
    if unknown := [key for key in value if key not in _KEYS]:
        fault(f"{place} has an unknown key {unknown[0]}; known are {', '.join(_KEYS)}")
        return None
    if not all(is_column(each) for each in value.values()):
        fault(f"{place} must hold names and expressions as text")
        return None
    what = _what_is_wrong(name, value)
    if what:
        fault(f"{place} {what}")
        return None
    return Source(
        column=value.get("column"),
        by_provider={provider: value[provider] for provider in ProviderName if provider in value},
        date=value.get("date"),
        time=value.get("time"),
        sql=value.get("sql"),
        zone=value.get("zone"),
        epoch=Epoch(value["epoch"]) if "epoch" in value else None,
    )


def _what_is_wrong(name: str, value: Mapping[str, str]) -> str | None:
    keys = set(value)
    forms = [form for form in (("column",), ("date", "time"), ("sql",), tuple(ProviderName)) if set(form) & keys]
    if len(forms) != 1 or ("date" in forms[0] and not {"date", "time"} <= keys):
        return f"must be one of {', '.join(_FORMS[1:])}"
    if "sql" in keys:
        is_read = name in READ_ONLY
        what = expression_fault(value["sql"]) if is_read else "may not be an expression, because it is written"
        return what or (_spelling_fault(name, value) if name in INSTANTS or keys != {"sql"} else None)
    if forms[0] == tuple(ProviderName) and name not in PER_PROVIDER:
        return f"may not differ by provider; only {' and '.join(sorted(PER_PROVIDER))} may"
    return _spelling_fault(name, value)


def _spelling_fault(name: str, value: Mapping[str, str]) -> str | None:
    if {"zone", "epoch", "date"} & set(value) and name not in INSTANTS:
        return "is no instant, so it has no zone, epoch, date or time"
    if "epoch" in value and ("zone" in value or "column" not in value or value["epoch"] not in set(Epoch)):
        return 'has an epoch that is not understood; write { column = "c", epoch = "s" } or "ms"'
    return _zone_fault(value.get("zone"))


def _zone_fault(zone: str | None) -> str | None:
    try:
        if zone is not None:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"has the zone {zone}, which is not known; write an IANA name such as Europe/Berlin"
    return None


def is_column(value: object) -> bool:
    """Return whether *value* can be the name of a column."""
    return isinstance(value, str) and bool(value) and "\0" not in value


def expression_fault(sql: object) -> str | None:
    """Return the part of *sql* that makes it more than one expression, by its text; the database checks the rest."""
    if not isinstance(sql, str) or not sql.strip() or "\0" in sql:
        return "must be an SQL expression as text"
    odd = next((each for each in (";", "--", "/*") if each in sql), None)
    return f"must be one SQL expression, without {odd}" if odd else None


def read_constant(value: object, *, fields: tuple[str, ...]) -> Constant:
    """Return the value that a column is set to; an Expression with empty *sql* if it is not readable."""
    if isinstance(value, str | int | bool):
        return value
    if not isinstance(value, dict) or not {"sql"} <= set(value) <= {"sql", "when"}:
        return Expression(sql="")
    sql, when = value["sql"], value.get("when")
    return (
        Expression(sql="") if expression_fault(sql) or when not in {None, *fields} else Expression(sql=sql, when=when)
    )
