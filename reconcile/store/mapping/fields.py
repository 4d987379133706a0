"""One field of ours in the customer's terms: how it is read in our form, and how our form is turned into theirs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    type_coerce,
)
from sqlalchemy.sql import ColumnElement, quoted_name
from sqlalchemy.types import TypeEngine

from reconcile.store.db.types import SQLITE, TEXT, Instant, Native, StrictInstant, clean
from reconcile.store.mapping.catalog import ColumnFacts, ColumnKind
from reconcile.store.mapping.mapping import MappedTable

INSTANTS = frozenset(
    {
        *("booking_starts_at", "booking_ends_at", "booking_canceled_at", "last_inbound_at", "attempted_at"),
        *("updated_at", "created_at", "starts_at", "ends_at", "canceled_at", "at"),
    }
)
BOOLEANS = frozenset({"in_sequence", "active"})

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_LARGEST = 2**63 - 1
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_SQLITE_FORMAT = "%Y-%m-%dT%H:%M:%f000+00:00"
_UNIX_EPOCH_DAY = 2440587.5
_DAY = 86_400_000
_NO_INSTANT: ColumnElement[str] = literal_column("'!'")
"""Stands for what is no instant: not empty, and earlier than any."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column: itself, *read* as text, instant or boolean of ours, and *native*, which casts such a value back."""

    column: ColumnElement[Any]
    read: ColumnElement[Any]
    native: Callable[[ColumnElement[Any]], ColumnElement[Any]]
    kind: ColumnKind
    is_ordered: bool = True
    """Whether the column's own values are in the order of ours, so that an index on it serves a range."""
    is_one: Callable[[ColumnElement[Any]], ColumnElement[bool]] | None = None
    """Asks whether a text can be cast without an error, where not any can."""

    def since(self, instant: ColumnElement[Any]) -> ColumnElement[bool]:
        """Ask whether the column's instant is this one or later."""
        return self.column >= self.native(instant) if self.is_ordered else self.read >= instant

    def before(self, instant: ColumnElement[Any]) -> ColumnElement[bool]:
        """Ask whether the column's instant is earlier."""
        return self.column < self.native(instant) if self.is_ordered else self.read < instant

    def is_empty(self) -> ColumnElement[bool]:
        """Ask whether the column holds nothing: by itself, so that an index with this condition serves."""
        return (self.column if self.is_ordered else self.read).is_(None)

    def names(self, text: ColumnElement[Any]) -> ColumnElement[bool]:
        """Ask whether the column's value is the one that *text* spells, by the column's index if it can be.

        It is a text that we once read here: the column may be another one by now.
        """
        if self.is_one is not None:
            return self.column == self.native(case((self.is_one(text), text)))
        return self.read == text

    def accepts(self, text: str) -> bool:
        """Tell whether *text*, perhaps typed by a person, can be a value of this column."""
        match self.kind:
            case ColumnKind.INTEGER:
                return bool(_INTEGER.fullmatch(text)) and abs(int(text)) <= _LARGEST
            case ColumnKind.UUID:
                return bool(_UUID.fullmatch(text))
            case _:
                return clean(text) == text


@dataclass(frozen=True, slots=True)
class DomainTable:
    """A table with the fields of ours that it has."""

    table: Table
    fields: Mapping[str, Field]
    facts: Mapping[str, ColumnFacts]
    """By our field's name."""
    constants: Mapping[str, str | int | bool]
    constant_types: Mapping[str, str]
    """By the column's name."""

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def __getitem__(self, name: str) -> Field:
        return self.fields[name]

    def read(self, name: str, otherwise: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the field as ours, or *otherwise* where the table lacks it."""
        return self.fields[name].read if name in self.fields else otherwise


def type_of(name: str) -> TypeEngine[Any]:
    """Return the type in which the field *name* crosses into SQL."""
    return Instant() if name in INSTANTS else Boolean() if name in BOOLEANS else TEXT


def domain_table(
    mapped: MappedTable,
    facts: Mapping[str, ColumnFacts],
    *,
    dialect: str,
    is_ours: bool,
    words: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> DomainTable:
    """Return *mapped* with its columns' types taken from *facts*; the columns are known to be there.

    *words* are those that we know of some fields, in the order in which they are compared.
    """
    by_field = {name: facts[column_name] for name, column_name in mapped.columns.items()}
    types = {
        column_name: StrictInstant() if name in INSTANTS else type_of(name)
        for name, column_name in mapped.columns.items()
    }
    table = Table(
        quoted_name(mapped.name, quote=True),
        MetaData(),
        *(
            Column(quoted_name(name, quote=True), types.get(name, TEXT), key=name)
            for name in sorted({*types, *mapped.constants})
        ),
        schema=quoted_name(mapped.schema, quote=True) if mapped.schema else None,
    )
    fields = {}
    for name, fact in by_field.items():
        column = table.c[fact.name]
        if name not in INSTANTS:
            fields[name] = _as_spelled(_word(column, fact, dialect=dialect), fact, words.get(name, ()))
        elif dialect == SQLITE and not is_ours:
            fields[name] = _loose_instant(column, fact)
        else:
            fields[name] = _instant(column, fact)
    constant_types = {name: facts[name].type_name for name in mapped.constants}
    return DomainTable(table, fields, by_field, mapped.constants, constant_types)


def _as_it_is(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return value


def _as_spelled(field: Field, fact: ColumnFacts, words: Sequence[str]) -> Field:
    """Return *field* so that it reads each of *words* as we spell it, whatever spelling of it the column holds.

    The database compares, by the column's collation: nobody else knows what that takes for the same.
    """
    if not words or not fact.has_own_collation or fact.kind is not ColumnKind.TEXT:
        return field
    known = [(field.column == literal(each, TEXT), literal(each, TEXT)) for each in words]
    return replace(field, read=case(*known, else_=field.read))


def _word(column: ColumnElement[Any], fact: ColumnFacts, *, dialect: str) -> Field:
    if fact.kind in {ColumnKind.TEXT, ColumnKind.BOOLEAN} or isinstance(column.type, Boolean):
        return Field(column, column, _as_it_is, fact.kind)
    read = cast(column, TEXT)
    if dialect == SQLITE:
        return Field(column, read, lambda value: cast(value, Integer()), fact.kind)
    if fact.kind is ColumnKind.INTEGER:
        # The widest, by which an index on a narrower column serves as well: a number may be too large for the column.
        return Field(column, read, lambda value: cast(value, BigInteger()), fact.kind, is_one=_is_integer)
    is_one = _is_uuid if fact.kind is ColumnKind.UUID else None
    return Field(column, read, lambda value: cast(value, Native(fact.type_name)), fact.kind, is_one=is_one)


def _is_integer(text: ColumnElement[Any]) -> ColumnElement[bool]:
    digits, largest = func.ltrim(text, "-"), str(_LARGEST)
    is_small_enough = or_(func.length(digits) < len(largest), digits <= largest)
    return and_(text.regexp_match(f"^{_INTEGER.pattern}$"), is_small_enough)


def _is_uuid(text: ColumnElement[Any]) -> ColumnElement[bool]:
    return text.regexp_match(f"^{_UUID.pattern}$")


def _instant(column: ColumnElement[Any], fact: ColumnFacts) -> Field:
    if fact.kind is not ColumnKind.NAIVE_INSTANT:
        return Field(column, column, _as_it_is, fact.kind)
    read = func.timezone("UTC", column, type_=StrictInstant())
    return Field(column, read, lambda value: func.timezone("UTC", value), fact.kind)


def _loose_instant(column: ColumnElement[Any], fact: ColumnFacts) -> Field:
    """SQLite keeps instants as anybody likes: text of several forms, or milliseconds since 1970 as Prisma does."""
    found = case(
        (
            func.typeof(column) == "integer",
            func.strftime(_SQLITE_FORMAT, type_coerce(column, Float) / 1000.0, "unixepoch"),
        ),
        else_=func.strftime(_SQLITE_FORMAT, column),
    )
    read = func.coalesce(found, case((type_coerce(column, TEXT).is_not(None), _NO_INSTANT)))
    native = _milliseconds if fact.kind is ColumnKind.INTEGER else _as_it_is
    return Field(column, type_coerce(read, StrictInstant), native, fact.kind, is_ordered=False)


def _milliseconds(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.round((func.julianday(value, type_=Float()) - _UNIX_EPOCH_DAY) * _DAY), Integer)
