"""The mapping that the ledger was made with: recorded by ``migrate``, compared when a database is opened or checked."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.store.mapping.mapping import VARIABLE, MappedTable, SchemaMapping
from reconcile.store.schema import tables

_KEYS = {
    "workspace": ("id",),
    "lead": ("id", "workspace_id"),
    "appointment": ("lead_id", "appointment_id"),
}
"""Fields that name a row: what the ledger knows is known by them."""


@dataclass(frozen=True, slots=True)
class RecordedMapping:
    """A mapping's name, and by section the table with the columns that name a row; both empty if none is recorded."""

    name: str
    places: Mapping[str, str]


async def recorded_mapping(connection: AsyncConnection) -> RecordedMapping:
    """Return the mapping that the ledger was made with."""
    rows = {row["section"]: row for row in (await connection.execute(select(tables.mapping))).mappings()}
    name = next((row["mapping"] for row in rows.values()), "")
    return RecordedMapping(name=name, places={key: rows[key]["place"] for key in _KEYS if key in rows})


async def record_mapping(connection: AsyncConnection, mapping: SchemaMapping) -> None:
    """Record *mapping* as the ledger's, if another is recorded."""
    present = _of(mapping)
    if await recorded_mapping(connection) == present:
        return
    await connection.execute(delete(tables.mapping))
    rows = [{"section": key, "place": place, "mapping": present.name} for key, place in present.places.items()]
    await connection.execute(insert(tables.mapping), rows)


def forgotten_fault(recorded: RecordedMapping | None) -> str:
    """Return the fault of a ledger that was made with a mapping and is used without one."""
    made = "a mapping"
    if recorded is not None and recorded.name:
        made = f"the mapping {recorded.name} ({_listed(recorded.places)})"
    return (
        f"the reconcile_ tables were created with {made}; "
        f"did you forget {VARIABLE}? this command was started without it"
    )


def other_mapping_warning(recorded: RecordedMapping, mapping: SchemaMapping) -> str | None:
    """Return a warning if *mapping* names other rows than the one that the ledger was made with."""
    present = _of(mapping).places
    changed = {key: place for key, place in recorded.places.items() if present.get(key) != place}
    if not changed:
        return None
    names = {key: present.get(key, "no table") for key in changed}
    return (
        f"the reconcile_ tables were created with {recorded.name} ({_listed(changed)}), and {mapping.name} names "
        f"{_listed(names)}, so they hold what is known of other rows; correct {VARIABLE}, or run `reconcile migrate` "
        "to keep the new one"
    )


def _of(mapping: SchemaMapping) -> RecordedMapping:
    tables_of: Mapping[str, MappedTable | None] = {
        "workspace": mapping.workspace,
        "lead": mapping.lead,
        "appointment": mapping.appointment,
    }
    places = {
        section: f"{table} ({', '.join(table.column_names(key) for key in _KEYS[section])})"
        for section, table in tables_of.items()
        if table is not None
    }
    return RecordedMapping(name=mapping.name, places=places)


def _listed(places: Mapping[str, str]) -> str:
    return ", ".join(f"{section}: {place}" for section, place in places.items())
