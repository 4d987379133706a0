"""A ledger that was made with a mapping, and a command that was started without it, or with another."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconcile.domain.views.finding import Finding, FindingStatus
from reconcile.errors import SettingsError
from reconcile.store.db.database import Database
from reconcile.store.doctor.check import check_schema
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.schema.recorded_mapping import recorded_mapping
from reconcile.store.session import open_store
from tests.store import schemas
from tests.stores import DEFAULT

FORGOTTEN = "were created with the mapping camel.toml.*did you forget RECONCILE_SCHEMA_MAPPING"


async def mapped(url: str) -> SchemaMapping:
    customer = await schemas.camel(url)
    await migrate(url, mapping=customer.mapping)
    return customer.mapping


async def findings(url: str, mapping: SchemaMapping) -> list[Finding]:
    return [
        each
        for each in await check_schema(url, mapping=mapping, now=datetime.now(UTC))
        if each.subject in {"schema", "mapping"}
    ]


async def test_a_store_is_not_opened_without_the_mapping_of_its_ledger(database_url: str) -> None:
    await mapped(database_url)

    with pytest.raises(SettingsError, match=FORGOTTEN):
        async with open_store(database_url, mapping=DEFAULT):
            pass


async def test_no_tables_of_ours_are_created_beside_a_mapping(database_url: str) -> None:
    await mapped(database_url)

    with pytest.raises(SettingsError, match=FORGOTTEN):
        await migrate(database_url, mapping=DEFAULT)


async def test_doctor_asks_for_the_mapping_and_for_nothing_else(database_url: str) -> None:
    await mapped(database_url)
    (found,) = await findings(database_url, DEFAULT)

    assert found.verdict is FindingStatus.FAULT
    assert found.text.startswith("the reconcile_ tables were created with the mapping camel.toml (workspace: ")
    assert found.remedy == "did you forget RECONCILE_SCHEMA_MAPPING? this command was started without it"


async def test_a_mapping_that_names_other_tables_is_a_warning_until_it_is_migrated(database_url: str) -> None:
    other = replace(await mapped(database_url), name="other.toml", appointment=None)
    warned = [each for each in await findings(database_url, other) if each.verdict is FindingStatus.WARNING]
    await migrate(database_url, mapping=other)
    after = [each for each in await findings(database_url, other) if each.verdict is FindingStatus.WARNING]

    assert [each.text for each in warned if "created with" in each.text] != []
    assert [each.text for each in after if "created with" in each.text] == []


async def test_a_ledger_of_an_older_version_names_no_mapping_but_asks_for_it(database_url: str) -> None:
    mapping = await mapped(database_url)
    await schemas.Customer(database_url, mapping).execute("DELETE FROM reconcile_mapping")

    with pytest.raises(SettingsError, match="were created with a mapping; did you forget"):
        async with open_store(database_url, mapping=DEFAULT):
            pass


async def test_tables_of_ours_record_no_mapping(migrated_url: str) -> None:
    database = Database(migrated_url)
    async with database.read_connection() as connection:
        found = await recorded_mapping(connection)
    await database.close()

    assert found.name == "default"
