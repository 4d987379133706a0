"""Which version of our schema this program needs, asked without loading Alembic."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.store.mapping import SchemaMapping
from reconcile.store.types import POSTGRESQL

VERSION_TABLE = "reconcile_version"
LEDGER_HEAD = "ledger_0003"
DOMAIN_HEAD = "domain_0001"
"""The heads of the two branches in ``migrations``; a test compares."""

_EXISTS = {
    POSTGRESQL: text(f"SELECT to_regclass('{VERSION_TABLE}') IS NOT NULL"),
    "sqlite": text(f"SELECT count(*) FROM sqlite_master WHERE name = '{VERSION_TABLE}'"),  # noqa: S608 - a constant
}
_VERSIONS = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant


def heads(mapping: SchemaMapping) -> tuple[str, ...]:
    """Return the versions that the schema must have: the customer's tables are not ours to migrate."""
    return (LEDGER_HEAD, DOMAIN_HEAD) if mapping.is_ours else (LEDGER_HEAD,)


async def version_faults(connection: AsyncConnection, mapping: SchemaMapping) -> Sequence[str]:
    """Return what is wrong with the schema's version, or nothing."""
    if not (await connection.execute(_EXISTS[connection.dialect.name])).scalar():
        return ["the database has none of this program's tables; run `reconcile migrate`"]
    found = set((await connection.execute(_VERSIONS)).scalars())
    missing = [head for head in heads(mapping) if head not in found]
    if not missing:
        return []
    at, needed = ", ".join(sorted(found)) or "nothing", ", ".join(missing)
    return [f"the schema is at {at}, this version needs {needed}; run `reconcile migrate` of this version"]
