"""Converts one of our fields between our form and the customer's columns."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
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

from reconcile.domain.ids import ProviderName
from reconcile.store.db.types import SQLITE, TEXT, Instant, Native, StrictInstant, clean
from reconcile.store.mapping import instants
from reconcile.store.mapping.catalog import ColumnFacts, ColumnKind
from reconcile.store.mapping.instants import as_it_is
from reconcile.store.mapping.mapping import MappedTable
from reconcile.store.mapping.sources import BOOLEANS, INSTANTS, Constant, Expression, Source

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_LARGEST = 2**63 - 1
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """A column, its value *read* as our text, instant or boolean, and *native*, which casts such a value back."""

    column: ColumnElement[Any]
    read: ColumnElement[Any]
    native: Callable[[ColumnElement[Any]], ColumnElement[Any]]
    kind: ColumnKind
    is_ordered: bool = True
    """Whether the column's own values sort like ours, so that an index on it can be used for a range."""
    is_one: Callable[[ColumnElement[Any]], ColumnElement[bool]] | None = None
    """The condition that a text can be cast without an error; None if any text can."""
    by_provider: Mapping[ProviderName, "Field"] = field(default_factory=dict)
    """The columns of a field that has one column for each provider."""
    pair: tuple[ColumnElement[Any], ColumnElement[Any]] | None = None
    """The columns of an instant that has one column for its date and one for its time."""

    @property
    def sets_column(self) -> bool:
        """Whether the field can be written: an expression cannot."""
        return self.pair is not None or isinstance(self.column, Column)

    def assignments(self, value: ColumnElement[Any], *, dialect: str) -> dict[ColumnElement[Any], ColumnElement[Any]]:
        """Return the value of each of the field's columns that stores *value*, without columns by provider."""
        if self.pair is None:
            return {self.column: self.native(value)}
        return dict(zip(self.pair, instants.date_and_time(self.native(value), dialect=dialect), strict=True))

    def since(self, instant: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition that the column's instant is this one or later."""
        return self.column >= self.native(instant) if self.is_ordered else self.read >= instant

    def before(self, instant: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition that the column's instant is earlier."""
        return self.column < self.native(instant) if self.is_ordered else self.read < instant

    def is_empty(self) -> ColumnElement[bool]:
        """Return the condition that the column is empty, in a form that a partial index can match."""
        if self.by_provider:
            return and_(*(each.is_empty() for each in self.by_provider.values()))
        return (self.column if self.is_ordered else self.read).is_(None)

    def names(self, text: ColumnElement[Any]) -> ColumnElement[bool]:
        """Ask whether the column's value is the one that *text* spells, by the column's index if it can be.

        It is a text that we once read here: the column may be another one by now.
        """
        if self.by_provider:
            return or_(*(each.names(text) for each in self.by_provider.values()))
        if self.is_one is not None:
            return self.column == self.native(case((self.is_one(text), text)))
        return self.read == text

    def accepts(self, text: str) -> bool:
        """Return whether *text*, perhaps typed by a person, can be a value of this column."""
        match self.kind:
            case ColumnKind.INTEGER:
                return bool(_INTEGER.fullmatch(text)) and abs(int(text)) <= _LARGEST
            case ColumnKind.UUID:
                return bool(_UUID.fullmatch(text))
            case _:
                return clean(text) == text

    def is_key(self, value: object) -> bool:
        """Return whether *value*, as returned by *read*, can be used in a statement to identify its row."""
        return isinstance(value, str) and self.accepts(value)


@dataclass(frozen=True, slots=True)
class DomainTable:
    """A table and those of our fields that it has."""

    table: Table
    fields: Mapping[str, Field]
    facts: Mapping[str, ColumnFacts]
    """By our field's name: the fields that are in a single column."""
    constants: Mapping[str, Constant]
    on_change: Mapping[str, Constant]
    constant_types: Mapping[str, str]
    """By the column's name."""
    where: ColumnElement[bool] | None = None
    """The condition of the mapping's filter, if it has one."""

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def __getitem__(self, name: str) -> Field:
        return self.fields[name]

    def constant(self, column: str, value: Constant, *, dialect: str) -> ColumnElement[Any]:
        """Return the value that the customer's *column* is set to."""
        if isinstance(value, Expression):
            return literal_column(f"({value.sql})")
        if dialect == SQLITE:
            return literal(value)
        return cast(literal(str(value), TEXT), Native(self.constant_types[column]))

    def read(self, name: str, otherwise: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the field in our form, or *otherwise* if the table lacks it."""
        return self.fields[name].read if name in self.fields else otherwise


def type_of(name: str) -> TypeEngine[Any]:
    """Return the SQL type of the field *name* in parameters."""
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
    types: dict[str, TypeEngine[Any]] = dict.fromkeys((*mapped.constants, *mapped.on_change), TEXT)
    for name, source in mapped.sources.items():
        of_instant = StrictInstant() if source.is_typed and source.date is None else TEXT
        types |= dict.fromkeys(source.columns, of_instant if name in INSTANTS else type_of(name))
    table = Table(
        quoted_name(mapped.name, quote=True),
        MetaData(),
        *(Column(quoted_name(name, quote=True), types[name], key=name) for name in sorted(types)),
        schema=quoted_name(mapped.schema, quote=True) if mapped.schema else None,
    )
    builder = _FieldBuilder(table, facts, dialect=dialect, is_ours=is_ours)
    return DomainTable(
        table=table,
        fields={name: builder.build(name, source, words.get(name, ())) for name, source in mapped.sources.items()},
        facts={name: facts[column] for name, column in mapped.columns.items()},
        constants=mapped.constants,
        on_change=mapped.on_change,
        constant_types={name: facts[name].type_name for name in (*mapped.constants, *mapped.on_change)},
        where=None if mapped.where is None else literal_column(f"({mapped.where})", Boolean()),
    )


@dataclass(frozen=True, slots=True)
class _FieldBuilder:
    """Makes the fields of one table."""

    table: Table
    facts: Mapping[str, ColumnFacts]
    dialect: str = field(kw_only=True)
    is_ours: bool = field(kw_only=True)

    def build(self, name: str, source: Source, words: Sequence[str]) -> Field:
        """Return the field *name*."""
        if source.sql is not None:
            return self._expression(name, source)
        if source.by_provider:
            parts = {provider: self._word(column) for provider, column in source.by_provider.items()}
            read: ColumnElement[Any] = func.coalesce(*(each.read for each in parts.values()), type_=TEXT)
            return Field(read, read, as_it_is, ColumnKind.TEXT, by_provider=parts)
        if source.date is not None and source.time is not None:
            pair = self.table.c[source.date], self.table.c[source.time]
            read, native = instants.paired(*pair, zone=source.zone, dialect=self.dialect)
            return Field(read, read, native, ColumnKind.INSTANT, is_ordered=False, pair=pair)
        column = str(source.column)
        if name not in INSTANTS:
            return _as_spelled(self._word(column), self.facts[column], words)
        return self._instant(self.table.c[column], self.facts[column], source)

    def _word(self, column: str) -> Field:
        return _word(self.table.c[column], self.facts[column], dialect=self.dialect)

    def _instant(self, column: ColumnElement[Any], fact: ColumnFacts, source: Source) -> Field:
        if source.epoch is not None:
            read, native = instants.numbered(column, source.epoch, dialect=self.dialect)
            return Field(column, read, native, fact.kind, is_ordered=False)
        if self.dialect == SQLITE and not self.is_ours:
            return Field(column, *instants.loose(column, fact.kind), fact.kind, is_ordered=False)
        read, native = instants.typed(column, fact.kind, zone=source.zone)
        # When clocks are set back, local times repeat for an hour, so their order is not that of instants.
        return Field(column, read, native, fact.kind, is_ordered=source.zone is None)

    def _expression(self, name: str, source: Source) -> Field:
        sql = f"({source.sql})"
        if name not in INSTANTS:
            kind = ColumnKind.BOOLEAN if name in BOOLEANS else ColumnKind.TEXT
            read: ColumnElement[Any] = cast(literal_column(sql), type_of(name))
            return Field(read, read, as_it_is, kind)
        if self.dialect == SQLITE:
            read, native = instants.loose(literal_column(sql), ColumnKind.INSTANT)
            return Field(read, read, native, ColumnKind.INSTANT, is_ordered=False)
        if source.zone is not None:
            local = cast(literal_column(sql), DateTime())
            read, native = instants.typed(local, ColumnKind.NAIVE_INSTANT, zone=source.zone)
        else:
            read, native = cast(literal_column(sql), StrictInstant()), as_it_is
        return Field(read, read, native, ColumnKind.INSTANT)


def _as_spelled(field: Field, fact: ColumnFacts, words: Sequence[str]) -> Field:
    """Return *field* so that it reads each of *words* in our spelling, whatever spelling the column holds.

    The database compares, by the column's collation: only it knows which spellings are equal.
    """
    if not words or not fact.has_own_collation or fact.kind is not ColumnKind.TEXT:
        return field
    known = [(field.column == literal(each, TEXT), literal(each, TEXT)) for each in words]
    return replace(field, read=case(*known, else_=field.read))


def _word(column: ColumnElement[Any], fact: ColumnFacts, *, dialect: str) -> Field:
    is_flag = isinstance(column.type, Boolean)
    if fact.kind is ColumnKind.TEXT or (is_flag and fact.kind is not ColumnKind.INTEGER):
        return Field(column, column, as_it_is, fact.kind)
    if is_flag:
        return Field(column, type_coerce(column, Integer) != 0, lambda value: cast(value, Integer()), fact.kind)
    if fact.kind is ColumnKind.BOOLEAN:
        return _truth_word(column, fact, dialect=dialect)
    read = cast(column, TEXT)
    if dialect == SQLITE:
        return Field(column, read, lambda value: cast(value, Integer()), fact.kind)
    if fact.kind is ColumnKind.INTEGER:
        # The widest type, as a number may be too large for the column; an index on a narrower column still works.
        return Field(column, read, lambda value: cast(value, BigInteger()), fact.kind, is_one=_is_integer)
    is_one = _is_uuid if fact.kind is ColumnKind.UUID else None
    return Field(column, read, lambda value: cast(value, Native(fact.type_name)), fact.kind, is_one=is_one)


def _truth_word(column: ColumnElement[Any], fact: ColumnFacts, *, dialect: str) -> Field:
    """Return a boolean column that stands for a word: its words are ``true`` and ``false``."""
    if dialect != SQLITE:
        return Field(column, cast(column, TEXT), lambda value: cast(value, Boolean()), fact.kind)
    number = type_coerce(column, Integer)
    read = case((number == 1, "true"), (number == 0, "false"), else_=type_coerce(column, TEXT))
    return Field(column, read, lambda value: case((value == "true", 1), (value == "false", 0)), fact.kind)


def _is_integer(text: ColumnElement[Any]) -> ColumnElement[bool]:
    digits, largest = func.ltrim(text, "-"), str(_LARGEST)
    is_small_enough = or_(func.length(digits) < len(largest), digits <= largest)
    return and_(text.regexp_match(f"^{_INTEGER.pattern}$"), is_small_enough)


def _is_uuid(text: ColumnElement[Any]) -> ColumnElement[bool]:
    return text.regexp_match(f"^{_UUID.pattern}$")
