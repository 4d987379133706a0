"""Leads whose keys are whole numbers: as large as a bigint holds, and of a column that is narrower by now."""

from datetime import timedelta

import pytest

from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.lead import LeadState
from reconcile.store.db.database import Database
from reconcile.store.schema.migrate import migrate
from reconcile.store.schema.tables import lead_state
from reconcile.store.session import open_store
from tests.store import schemas
from tests.stores import NOW, batch, lead, lead_write

POLICY = DuePolicy()
STALE = LeadState(attempted_at=NOW - timedelta(days=8), verified_at=NOW - timedelta(days=8))
KEYS = ["7", "999999999999999999", "1234567890123456789", "9223372036854775807", "-9007199254740993123"]


@pytest.mark.parametrize("key", KEYS)
async def test_a_lead_with_an_integer_key_is_due_by_its_stored_state(database_url: str, key: str) -> None:
    customer = await schemas.bare(database_url)
    await customer.execute("INSERT INTO account VALUES ($1)", int(key))
    await customer.execute("INSERT INTO person VALUES ($1, $1, NULL)", int(key))
    await migrate(database_url, mapping=customer.mapping)
    async with open_store(database_url, mapping=customer.mapping) as store:
        await store.leads.write(batch([lead_write(lead(key, workspace_id=key, state=STALE), state=STALE)]))
        due = await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=9, only=WorkspaceId(key))
        ready = await store.leads.due_leads(WorkspaceId(key), now=NOW, policy=POLICY, limit=9)
        known = await store.leads.lead(LeadId(key))

    assert [each.id for each in due.workspaces] == [key]
    assert [each.id for each in ready] == [key]
    assert known is not None
    assert known.id == key


@pytest.mark.parametrize("key", ["99999999999", "9999999999999999999", "seven", "-"])
async def test_an_id_that_is_no_integer_matches_no_lead_and_delays_none(database_url: str, key: str) -> None:
    customer = await schemas.bare(database_url)
    if database_url.startswith("postgresql"):
        await customer.script("ALTER TABLE person ALTER no TYPE integer;")
    await customer.script("INSERT INTO account VALUES (1); INSERT INTO person VALUES (2, 1, NULL);")
    await migrate(database_url, mapping=customer.mapping)
    database = Database(database_url)
    remembered = {"workspace_id": "1", "failure_count": 0, "verified_at": STALE.verified_at}
    for each in (key, "2"):  # the one is left from when the column was another one
        await database.change(lead_state.insert().values(lead_id=each, **remembered))
    await database.close()
    async with open_store(database_url, mapping=customer.mapping) as store:
        ready = await store.leads.due_leads(WorkspaceId("1"), now=NOW, policy=POLICY, limit=9)
        due = await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=9)
        known = await store.leads.lead(LeadId(key))

    assert [each.id for each in ready] == ["2"]
    assert [each.id for each in due.workspaces] == ["1"]
    assert known is None
