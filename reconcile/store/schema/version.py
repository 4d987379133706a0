"""Compares the schema's version with the one that this program needs, without importing Alembic."""

import re
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.store.db.types import POSTGRESQL
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.schema.recorded_mapping import forgotten_fault, recorded_mapping

VERSION_TABLE = "reconcile_version"
LEDGER_HEAD = "ledger_0009"
DOMAIN_HEAD = "domain_0002"
"""The heads of the two branches in ``migrations``; a test compares."""
_FIRST_LEDGER, _FIRST_DOMAIN = "ledger_0001", "domain_0001"
_RECORDS_MAPPING = "ledger_0008"
_VERSION = re.compile(r"([a-z]+[0-9]*)_([0-9]{4})")
"""Branch and number. Migrations of a branch only add; a migration that removes something starts a new branch."""

_EXISTS = {
    POSTGRESQL: text(f"SELECT to_regclass('{VERSION_TABLE}') IS NOT NULL"),
    "sqlite": text(f"SELECT count(*) FROM sqlite_master WHERE name = '{VERSION_TABLE}'"),  # noqa: S608 - a constant
}
_VERSIONS = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant


def heads(mapping: SchemaMapping) -> tuple[str, ...]:
    """Return the versions that the schema must have; the customer's own tables are never migrated."""
    return (LEDGER_HEAD, DOMAIN_HEAD) if mapping.is_ours else (LEDGER_HEAD,)


async def versions(connection: AsyncConnection) -> frozenset[str]:
    """Return the schema's version of each branch; empty without our tables."""
    if not (await connection.execute(_EXISTS[connection.dialect.name])).scalar():
        return frozenset()
    return frozenset((await connection.execute(_VERSIONS)).scalars())


def missing_heads(found: frozenset[str], mapping: SchemaMapping) -> tuple[str, ...]:
    """Return the heads that *found* does not satisfy; a later version of the same branch satisfies a head."""
    return tuple(head for head in heads(mapping) if not any(_satisfies(version, head) for version in found))


def unknown_versions(found: frozenset[str]) -> tuple[str, ...]:
    """Return the versions in *found* of branches or numbers that this program does not know."""
    return tuple(sorted(v for v in found if not any(_satisfies(head, v) for head in (LEDGER_HEAD, DOMAIN_HEAD))))


def unknown_version_fault(found: frozenset[str]) -> str:
    """Return the fault of a schema that this program can neither use nor migrate."""
    known = f"the schema is at {', '.join(sorted(found))}, which this version does not know"
    return f"{known}; use the version that created it, or restore this version's tables"


async def forgotten_mapping_fault(
    connection: AsyncConnection, found: frozenset[str], mapping: SchemaMapping
) -> str | None:
    """Return the fault of a ledger that belongs to a mapping and is used without one; *found* are its versions."""
    is_customers = any(_satisfies(each, _FIRST_LEDGER) for each in found) and not any(
        _satisfies(each, _FIRST_DOMAIN) for each in found
    )
    if not mapping.is_ours or not is_customers:
        return None
    is_recorded = any(_satisfies(each, _RECORDS_MAPPING) for each in found)
    return forgotten_fault(await recorded_mapping(connection) if is_recorded else None)


def _satisfies(version: str, head: str) -> bool:
    """Return whether *version* is *head* or later in the same branch."""
    ours, theirs = _VERSION.fullmatch(head), _VERSION.fullmatch(version)
    return ours is not None and theirs is not None and ours[1] == theirs[1] and ours[2] <= theirs[2]


async def version_faults(connection: AsyncConnection, mapping: SchemaMapping) -> Sequence[str]:
    """Return the faults of the schema's version; empty if it can be used."""
    found = await versions(connection)
    if not found:
        return ["the database has none of this program's tables; run `reconcile migrate`"]
    if fault := await forgotten_mapping_fault(connection, found, mapping):
        return [fault]
    missing = missing_heads(found, mapping)
    if not missing:
        return []
    if unknown_versions(found):
        return [unknown_version_fault(found)]
    at, needed = ", ".join(sorted(found)), ", ".join(missing)
    return [f"the schema is at {at}, this version needs {needed}; run `reconcile migrate` of this version"]
