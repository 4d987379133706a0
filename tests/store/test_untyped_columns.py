"""SQLite's columns without a type hold numbers as they come: such a row is one lead's failure."""

import pytest

from reconcile.domain.ids import WorkspaceId
from reconcile.store.mapping.mapping import parse_mapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.store import schemas
from tests.stores import NOW, POLICY

COLUMNS = ("email", "contact_id", "booking_id", "booking_provider")


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", ["5", "4.5"])
async def test_a_number_in_a_text_column_fails_only_its_row(sqlite_url: str, column: str, value: str) -> None:
    mapping = parse_mapping(f'{schemas.BARE}{column} = "odd"\n', name="bare.toml")
    customer = schemas.Customer(sqlite_url, mapping)
    await customer.script(
        "CREATE TABLE account (no TEXT PRIMARY KEY);"
        "CREATE TABLE person (no TEXT PRIMARY KEY, account_no TEXT NOT NULL, wrote_at DATETIME, odd);"
        "INSERT INTO account VALUES ('1');"
    )
    for no, odd in (("a", value), ("b", "NULL")):
        await customer.script(f"INSERT INTO person VALUES ('{no}', '1', '2025-03-03 11:00:00', {odd})")  # noqa: S608
    await migrate(sqlite_url, mapping=mapping)
    async with open_store(sqlite_url, mapping=mapping) as store:
        found = await store.leads.due_leads(WorkspaceId("1"), now=NOW, policy=POLICY, limit=9)

    assert {each.id: each.fault for each in found} == {"a": "person.odd has a number instead of text", "b": None}
