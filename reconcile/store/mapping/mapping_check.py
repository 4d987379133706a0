"""Whether a mapping matches the tables: what would make statements fail, as sentences."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from reconcile.store.db.types import SQLITE
from reconcile.store.mapping.catalog import Catalog, ColumnFacts, ColumnKind
from reconcile.store.mapping.fields import BOOLEANS, INSTANTS
from reconcile.store.mapping.mapping import VARIABLE, MappedTable, SchemaMapping
from reconcile.store.mapping.vocabulary import AppointmentWords

_WORD_KINDS = frozenset({ColumnKind.TEXT, ColumnKind.UUID, ColumnKind.INTEGER, ColumnKind.ENUM})
_INSTANT_KINDS = frozenset({ColumnKind.INSTANT, ColumnKind.NAIVE_INSTANT})
_EXACT = frozenset({"booking_canceled_at", "canceled_at"})
"""Instants that providers tell to the microsecond; all others are whole minutes."""
MILLISECONDS = 3
_KEYS = frozenset({"id", "lead_id", "workspace_id"})


def fit_faults(mapping: SchemaMapping, catalog: Catalog, *, dialect: str) -> Sequence[str]:
    """Return all that is wrong with *mapping* for this database, each with its place and remedy."""
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
    for field, column in [*table.columns.items(), *((key, key) for key in table.constants)]:
        place = (
            f"[{section}.columns] {field} of {name}" if field in table.columns else f"[{section}.constants] of {name}"
        )
        if column not in found:
            close = get_close_matches(column, found, 1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(found))}"
            yield f"{place}: {table} has no column {column}; {hint}"
        elif field in table.columns and not is_loose and not _speaks(field, found[column].kind):
            wanted = (
                "a timestamp"
                if field in INSTANTS
                else "a boolean"
                if field in BOOLEANS
                else "text, uuid, integer or an enum"
            )
            is_now = f"{table}.{column} is {found[column].type_name}, not {wanted}"
            yield f"{place}: {is_now}; name another column or leave it out"
        elif field in _EXACT and (digits := found[column].precision) is not None and digits < MILLISECONDS:
            rounds = f"{table}.{column} keeps {digits} digits of a second, so a cancellation would differ in every run"
            yield f"{place}: {rounds}; leave it out, and it is kept in our tables"


def _speaks(field: str, kind: ColumnKind) -> bool:
    if field in INSTANTS:
        return kind in _INSTANT_KINDS
    if field in BOOLEANS:
        return kind is ColumnKind.BOOLEAN
    return kind in _WORD_KINDS and (kind is not ColumnKind.INTEGER or field in _KEYS)


def _insert_faults(mapping: SchemaMapping, catalog: Catalog) -> Iterator[str]:
    """Tell of columns that a new appointment would leave empty against the table's will."""
    table = mapping.appointment
    if table is None:
        return
    known = {*table.columns.values(), *table.constants}
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
    """Tell of words that an enum does not have: to write one would fail, to keep one would keep nothing."""
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
    if facts is None or facts.kind is not ColumnKind.ENUM:
        return
    for word in needed:
        if word not in facts.labels:
            close = get_close_matches(word, facts.labels, 1, 0.5)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(facts.labels)}"
            yield f"{table}.{column} is the enum {facts.type_name}, which has no {word} ([{section}.{field}]); {hint}"
