"""Pages of due leads by id, on keys of every type: what a dry run over everything reads."""

from uuid import UUID

import pytest

from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.lead import last_id
from reconcile.store.mapping.mapping import parse_mapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.store import schemas
from tests.stores import NOW, POLICY

NUMBERS = ["-3", "2", "10", "11", "9007199254740993"]
SMALL = ["-3", "2", "10", "11", "32767"]
WORDS = ["Zoe", "a", "b-2", "b1", "é"]
FULL = ["aaaaaaaa", "aaaaaaab", "baaaaaaa", "zzzzzzzy", "zzzzzzzz"]
UUIDS = [str(UUID(int=n * 2**100 + 1)) for n in range(5)]
KEYS = {
    "bigint": NUMBERS,
    "integer": SMALL,
    "smallint": SMALL,
    "text": WORDS,
    "varchar(40)": WORDS,
    "char(8)": FULL,
    "uuid": UUIDS,
}


@pytest.mark.parametrize("kind", KEYS)
async def test_each_lead_is_on_one_page(database_url: str, kind: str) -> None:
    customer = schemas.Customer(database_url, parse_mapping(schemas.BARE, name="bare.toml"))
    instant = "DATETIME" if database_url.startswith("sqlite") else "timestamptz"
    await customer.script(
        f"CREATE TABLE account (no {kind} PRIMARY KEY);"
        f"CREATE TABLE person (no {kind} PRIMARY KEY, account_no {kind} NOT NULL, wrote_at {instant});"
    )
    first = KEYS[kind][0]
    await customer.script(f"INSERT INTO account VALUES ('{first}')")  # noqa: S608 - a test's own
    for key in KEYS[kind]:
        await customer.script(f"INSERT INTO person VALUES ('{key}', '{first}', '2025-03-03 11:00:00')")  # noqa: S608
    await migrate(database_url, mapping=customer.mapping)
    async with open_store(database_url, mapping=customer.mapping) as store:
        for limit in (1, 2, 5, 9):
            pages: list[list[str]] = []
            after: LeadId | None = LeadId("")
            while after is not None:
                found = await store.leads.due_leads(
                    WorkspaceId(first), now=NOW, policy=POLICY, limit=limit, after=after
                )
                pages.append([each.id for each in found])
                after = last_id(found)

            assert sorted(each for page in pages for each in page) == sorted(KEYS[kind]), limit
            full, rest = divmod(5, limit)
            assert [len(page) for page in pages] == [*[limit] * full, *([rest] if rest else []), 0]
