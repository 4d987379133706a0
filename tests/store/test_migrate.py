"""Migrations: to the schema that the statements name, as often as one likes, and never in the customer's tables."""

import asyncio
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from reconcile.errors import SettingsError
from reconcile.store.db.database import Database
from reconcile.store.schema.migrate import SCRIPTS, migrate
from reconcile.store.schema.tables import metadata
from reconcile.store.schema.version import DOMAIN_HEAD, LEDGER_HEAD, VERSION_TABLE
from reconcile.store.session import open_store
from tests.store import schemas
from tests.stores import DEFAULT


def test_the_heads_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")

    assert set(ScriptDirectory.from_config(config).get_heads()) == {LEDGER_HEAD, DOMAIN_HEAD}


async def test_the_migrated_schema_matches_the_tables(database_url: str) -> None:
    await migrate(database_url, mapping=DEFAULT)
    database = Database(database_url)
    async with database.read_connection() as connection:
        differences = await connection.run_sync(_differences)
    await database.close()

    assert differences == []


def _differences(connection: Any) -> list[Any]:
    def is_ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or (name or "").startswith("reconcile_")

    context = MigrationContext.configure(
        connection,
        opts={
            "include_name": is_ours,
            "version_table": VERSION_TABLE,
            "compare_type": True,
            "compare_server_default": connection.dialect.name == "postgresql",
        },
    )
    differences = [each for each in compare_metadata(context, metadata) if not str(each[0]).endswith("_index")]
    keys = inspect(connection).get_multi_pk_constraint()
    named = {(None, each.name): [column.name for column in each.primary_key] for each in metadata.tables.values()}
    return differences + [each for each, key in named.items() if keys[each]["constrained_columns"] != key]


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    first = await migrate(database_url, mapping=DEFAULT)

    assert await migrate(database_url, mapping=DEFAULT) == first == (DOMAIN_HEAD, LEDGER_HEAD)


async def test_one_of_several_concurrent_migrations_runs_and_the_others_wait(database_url: str) -> None:
    found = await asyncio.gather(*(migrate(database_url, mapping=DEFAULT) for _ in range(4)))

    assert set(found) == {(DOMAIN_HEAD, LEDGER_HEAD)}


async def test_a_customers_schema_gets_our_own_tables_only(database_url: str) -> None:
    customer = await schemas.camel(database_url)
    before = await customer.execute('SELECT count(*) FROM app."Lead"')
    versions = await migrate(database_url, mapping=customer.mapping)
    async with open_store(database_url, mapping=customer.mapping) as store:
        runs = await store.ledger.runs()

    assert (versions, list(runs), before) == ((LEDGER_HEAD,), [], [(0,)])


async def test_an_unmigrated_database_is_refused_with_the_remedy(postgres_url: str) -> None:
    with pytest.raises(SettingsError, match="reconcile migrate"):
        async with open_store(postgres_url, mapping=DEFAULT):
            pass


async def test_an_older_schema_is_refused_with_the_remedy(database_url: str) -> None:
    await migrate(database_url, mapping=DEFAULT)
    older = f"UPDATE {VERSION_TABLE} SET version_num = 'domain_0001' WHERE version_num = '{DOMAIN_HEAD}'"  # noqa: S608
    await schemas.Customer(database_url, DEFAULT).execute(older)

    with pytest.raises(SettingsError, match=f"needs {DOMAIN_HEAD}; run `reconcile migrate`"):
        async with open_store(database_url, mapping=DEFAULT):
            pass
