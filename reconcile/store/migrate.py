"""Brings the schema to head: our own tables always, the domain's where they are ours. Customers' are left alone."""

from pathlib import Path

from sqlalchemy import Connection, text

from reconcile.store.database import Database
from reconcile.store.mapping import SchemaMapping
from reconcile.store.types import POSTGRESQL
from reconcile.store.version import VERSION_TABLE, heads

SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('reconcile migrate'))")


async def migrate(database_url: str, *, mapping: SchemaMapping) -> tuple[str, ...]:
    """Bring the schema to head in one transaction, one process at a time; return its versions."""
    database = Database(database_url)
    try:
        async with database.writing() as connection:
            if connection.dialect.name == POSTGRESQL:
                await connection.execute(_LOCK)
            await connection.run_sync(_upgrade, heads(mapping))
            found = await connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant
            return tuple(sorted(found.scalars()))
    finally:
        await database.close()


def _upgrade(connection: Connection, targets: tuple[str, ...]) -> None:
    # Imported where it is needed: a run does not pay for it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    for target in targets:
        command.upgrade(config, target)
