"""Migrates the schema to head: our own tables, and the domain tables if they are ours; never a customer's tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from reconcile.errors import SettingsError
from reconcile.store.db.database import Database
from reconcile.store.db.types import POSTGRESQL
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.schema.recorded_mapping import record_mapping
from reconcile.store.schema.version import (
    forgotten_mapping_fault,
    missing_heads,
    unknown_version_fault,
    unknown_versions,
    versions,
)

SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('reconcile migrate'))")


async def migrate(database_url: str, *, mapping: SchemaMapping) -> tuple[str, ...]:
    """Bring the schema to head in one transaction, one process at a time; return its versions.

    A later schema of the same branch is left as it is; raises SettingsError where this program cannot use it, and where
    the ledger belongs to a mapping and *mapping* is the default.
    """
    database = Database(database_url)
    try:
        async with database.write_connection() as connection:
            if connection.dialect.name == POSTGRESQL:
                await connection.execute(_LOCK)
            before = await versions(connection)
            if fault := await forgotten_mapping_fault(connection, before, mapping):
                raise SettingsError([fault])
            targets = missing_heads(before, mapping)
            if targets and unknown_versions(before):
                raise SettingsError([unknown_version_fault(before)])
            await connection.run_sync(_upgrade, targets)
            await record_mapping(connection, mapping)
            return tuple(sorted(await versions(connection)))
    finally:
        await database.close()


def _upgrade(connection: Connection, targets: tuple[str, ...]) -> None:
    if not targets:
        return
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    for target in targets:
        command.upgrade(config, target)
