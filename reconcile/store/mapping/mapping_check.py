"""Checks a mapping against the tables: a sentence for each fault that would make a statement fail."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from reconcile.store.db.types import SQLITE
from reconcile.store.mapping.catalog import Catalog, ColumnFacts, ColumnKind
from reconcile.store.mapping.mapping import VARIABLE, MappedTable, SchemaMapping
from reconcile.store.mapping.sources import BOOLEANS, INSTANTS, READ_ONLY, Epoch, Source
from reconcile.store.mapping.vocabulary import AppointmentWords

_KEY_KINDS = frozenset({ColumnKind.TEXT, ColumnKind.UUID, ColumnKind.INTEGER, ColumnKind.ENUM})
_WORD_KINDS = frozenset({*_KEY_KINDS, ColumnKind.BOOLEAN})
_WORDS = frozenset({"status", "booking_status", "booking_provider", "provider"})
_INSTANT_KINDS = frozenset({ColumnKind.INSTANT, ColumnKind.NAIVE_INSTANT})
_EXACT = frozenset({"booking_canceled_at", "canceled_at"})
"""Instants that providers return with microseconds; all others are whole minutes."""
MILLISECONDS = 3
_KEYS = frozenset({"id", "lead_id", "workspace_id"})
_SPELLED = {
    ColumnKind.ENUM: re.compile(".*", re.DOTALL),
    ColumnKind.INTEGER: re.compile("-?[0-9]{1,18}", re.ASCII),
    ColumnKind.BOOLEAN: re.compile("true|false"),
}
"""Kinds of columns that cannot hold words."""


def fit_faults(mapping: SchemaMapping, catalog: Catalog, *, dialect: str) -> Sequence[str]:
    """Return all faults of *mapping* for this database, each with its place and remedy."""
    tables: dict[str, MappedTable | None] = {
        "workspace": mapping.workspace,
        "lead": mapping.lead,
        "appointment": mapping.appointment,
    }
    faults = []
    for section, table in tables.items():
        if table is None:
            continue
        if section not in catalog:
            faults.append(f"there is no table {table}; correct table in [{section}] of {mapping.name} ({VARIABLE})")
            continue
        faults += _column_faults(mapping.name, section, table, catalog[section], is_loose=dialect == SQLITE)
    if not faults:
        faults += _insert_faults(mapping, catalog)
        faults += _word_faults(mapping, catalog)
    return faults


def _column_faults(
    name: str, section: str, table: MappedTable, found: Mapping[str, ColumnFacts], *, is_loose: bool
) -> Iterator[str]:
    places = [
        *(
            (f"[{section}.columns] {field} of {name}", field, source, column)
            for field, source in table.sources.items()
            for column in source.columns
        ),
        *((f"[{section}.constants] of {name}", None, None, column) for column in table.constants),
        *((f"[{section}.on_change] of {name}", None, None, column) for column in table.on_change),
    ]
    for place, field, source, column in places:
        if column not in found:
            close = get_close_matches(column, found, 1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(found))}"
            yield f"{place}: {table} has no column {column}; {hint}"
        elif field is not None and source is not None:
            yield from _type_faults(field, source, found[column], place=place, table=table, is_loose=is_loose)


def _type_faults(  # noqa: PLR0913 - a column with the parts of its sentence
    field: str, source: Source, facts: ColumnFacts, *, place: str, table: MappedTable, is_loose: bool
) -> Iterator[str]:
    column, digits = f"{table}.{facts.name}", facts.precision
    if is_loose and source.zone not in {None, "UTC"}:
        yield f"{place}: SQLite knows no time zones, so {column} must hold UTC; leave zone out"
    elif not is_loose and (wanted := _lacking(field, source, facts)):
        is_now = f"{column} is {facts.type_name}, not {wanted}"
        hint = "; name another column or leave it out"
        if field in READ_ONLY:
            hint = f'; name another column, or write {field} = {{ sql = "an expression over the row" }}'
        yield f"{place}: {is_now}{hint}"
    elif field in _EXACT and (source.epoch is Epoch.SECONDS or (digits is not None and digits < MILLISECONDS)):
        rounds = f"{column} keeps {digits or 0} digits of a second, so a cancellation would differ in every run"
        yield f"{place}: {rounds}; leave it out, and it is kept in our tables"


def _lacking(field: str, source: Source, facts: ColumnFacts) -> str | None:
    """Return the type that the column should have, or None if its type is supported."""
    kind = facts.kind
    if field in INSTANTS:
        return _lacking_instant(source, facts)
    if field in BOOLEANS:
        return None if kind in {ColumnKind.BOOLEAN, ColumnKind.INTEGER} else "a boolean or a number"
    if field in _WORDS:
        return None if kind in _WORD_KINDS else "text, a number, a boolean or an enum"
    is_key = kind in _KEY_KINDS and (kind is not ColumnKind.INTEGER or field in _KEYS)
    return None if is_key else "text, uuid, integer or an enum"


def _lacking_instant(source: Source, facts: ColumnFacts) -> str | None:
    if source.epoch is not None:
        return None if facts.kind is ColumnKind.INTEGER else "a number of seconds or milliseconds"
    if source.date is not None:
        wanted = "date" if facts.name == source.date else "time"
        return None if facts.base == wanted else f"a {wanted}"
    if source.zone is not None:
        return None if facts.kind is ColumnKind.NAIVE_INSTANT else "a timestamp without time zone"
    return None if facts.kind in _INSTANT_KINDS else "a timestamp"


def _insert_faults(mapping: SchemaMapping, catalog: Catalog) -> Iterator[str]:
    """Return the faults of required columns that a new appointment would leave empty."""
    table = mapping.appointment
    if table is None:
        return
    known = {*table.constants, *(column for source in table.sources.values() for column in source.columns)}
    for column, facts in sorted(catalog["appointment"].items()):
        if facts.is_required and column not in known:
            yield (
                f"{table}.{column} is required and has no default, so no appointment can be inserted; "
                f"name it in [appointment.columns] or give it a value in [appointment.constants] of {mapping.name}"
            )
    key = table.columns.get("id")
    if key and (facts := catalog["appointment"][key]).is_required and facts.kind is ColumnKind.INTEGER:
        yield f"{table}.{key} is a number without a default, so no appointment can be inserted; give it a sequence"


def _word_faults(mapping: SchemaMapping, catalog: Catalog) -> Iterator[str]:
    """Return the faults of words that an enum lacks: writing one would fail, and reading one would never match."""
    lead, appointment, words = mapping.lead, mapping.appointment, mapping.lead_words
    providers = [found[0] for found in mapping.provider_words.words.values()]
    yield from _unknown("lead", lead, "status", [words.booked[0], words.qualified[0], *words.keep], catalog)
    yield from _unknown("lead", lead, "booking_status", _words_to_write(mapping.booking_words), catalog)
    yield from _unknown("lead", lead, "booking_provider", providers, catalog)
    if appointment:
        yield from _unknown("appointment", appointment, "status", _words_to_write(mapping.appointment_words), catalog)
        yield from _unknown("appointment", appointment, "provider", providers, catalog)


def _words_to_write(words: AppointmentWords) -> list[str]:
    return [found[0] for found in words.words.values()]


def _unknown(section: str, table: MappedTable, field: str, needed: Sequence[str], catalog: Catalog) -> Iterator[str]:
    column = table.columns.get(field)
    facts = catalog[section][column] if column else None
    if facts is None or facts.kind not in _SPELLED:
        return
    for word in needed if facts.kind is not ColumnKind.ENUM else ():
        if not _SPELLED[facts.kind].fullmatch(word):
            wanted = "true or false" if facts.kind is ColumnKind.BOOLEAN else "a whole number"
            yield f"{table}.{column} is {facts.type_name}, so {word} of [{section}.{field}] fits no row; write {wanted}"
    if facts.kind is not ColumnKind.ENUM:
        return
    for word in needed:
        if word not in facts.labels:
            close = get_close_matches(word, facts.labels, 1, 0.5)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(facts.labels)}"
            yield f"{table}.{column} is the enum {facts.type_name}, which has no {word} ([{section}.{field}]); {hint}"
