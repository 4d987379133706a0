"""Which version of our schema this program needs, asked without loading Alembic."""

import re
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.store.db.types import POSTGRESQL
from reconcile.store.mapping.mapping import SchemaMapping

VERSION_TABLE = "reconcile_version"
LEDGER_HEAD = "ledger_0007"
DOMAIN_HEAD = "domain_0002"
"""The heads of the two branches in ``migrations``; a test compares."""
_VERSION = re.compile(r"([a-z]+[0-9]*)_([0-9]{4})")
"""A branch and a number in it. Within a branch a migration only adds: whoever takes away begins another one."""

_EXISTS = {
    POSTGRESQL: text(f"SELECT to_regclass('{VERSION_TABLE}') IS NOT NULL"),
    "sqlite": text(f"SELECT count(*) FROM sqlite_master WHERE name = '{VERSION_TABLE}'"),  # noqa: S608 - a constant
}
_VERSIONS = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant


def heads(mapping: SchemaMapping) -> tuple[str, ...]:
    """Return the versions that the schema must have: the customer's tables are not ours to migrate."""
    return (LEDGER_HEAD, DOMAIN_HEAD) if mapping.is_ours else (LEDGER_HEAD,)


async def versions(connection: AsyncConnection) -> frozenset[str]:
    """Return what the schema is at: one version of each branch, or nothing."""
    if not (await connection.execute(_EXISTS[connection.dialect.name])).scalar():
        return frozenset()
    return frozenset((await connection.execute(_VERSIONS)).scalars())


def lacking(found: frozenset[str], mapping: SchemaMapping) -> tuple[str, ...]:
    """Return the heads that *found* falls short of; a later version of the same branch serves, as it has only added."""
    return tuple(head for head in heads(mapping) if not any(_serves(version, head) for version in found))


def strangers(found: frozenset[str]) -> tuple[str, ...]:
    """Return the versions in *found* that this program has no migration to or from."""
    return tuple(sorted(v for v in found if not any(_serves(head, v) for head in (LEDGER_HEAD, DOMAIN_HEAD))))


def unknown(found: frozenset[str]) -> str:
    """Say that a schema is neither this program's nor one that it could make into its own."""
    known = f"the schema is at {', '.join(sorted(found))}, which this version does not know"
    return f"{known}; use the version that created it, or restore this version's tables"


def _serves(version: str, head: str) -> bool:
    """Tell whether *version* is *head* or a later one of its branch."""
    ours, theirs = _VERSION.fullmatch(head), _VERSION.fullmatch(version)
    return ours is not None and theirs is not None and ours[1] == theirs[1] and ours[2] <= theirs[2]


async def version_faults(connection: AsyncConnection, mapping: SchemaMapping) -> Sequence[str]:
    """Return what is wrong with the schema's version, or nothing."""
    found = await versions(connection)
    if not found:
        return ["the database has none of this program's tables; run `reconcile migrate`"]
    missing = lacking(found, mapping)
    if not missing:
        return []
    if strangers(found):
        return [unknown(found)]
    at, needed = ", ".join(sorted(found)), ", ".join(missing)
    return [f"the schema is at {at}, this version needs {needed}; run `reconcile migrate` of this version"]
