"""Rows whose own ids cannot be read: they fail, and hold neither a slot of a batch nor a place in the queue."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.ids import LeadId
from reconcile.domain.lead import Lead, last_id
from reconcile.ports import Store
from reconcile.store.leads.seed import seed
from tests.store.schemas import Customer
from tests.stores import DEFAULT, NOW, POLICY, W1, batch, lead, lead_write, workspace

ODD = {
    "bytes": "x'00ff'",
    "bytes that spell another lead's id": "CAST('l1' AS BLOB)",
    "no UTF-8": "CAST(x'c328' AS TEXT)",
    "a NUL": "CAST(x'6c0031' AS TEXT)",
}
LIMIT = 2


@pytest.fixture(params=ODD)
async def odd(request: pytest.FixtureRequest, store: Store, migrated_url: str) -> Customer:
    """Give a workspace with three leads, and three more whose ids cannot be read and that come first by their age."""
    if not migrated_url.startswith("sqlite"):
        pytest.skip("PostgreSQL refuses such ids, but in SQL_ASCII")
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=[lead(f"l{n}") for n in range(3)])
    database = Customer(migrated_url, DEFAULT)
    for n in range(3):
        value = ODD[request.param]
        each = f"CAST({value} || x'3{n}' AS {'TEXT' if 'TEXT' in value else 'BLOB'})" if n else value
        await database.execute(f"INSERT INTO lead (id, workspace_id, in_sequence) VALUES ({each}, 'w1', true)")  # noqa: S608 - a test's own
    first = [await store.leads.lead(lead(f"l{n}").id) for n in range(3)]
    await store.leads.write(batch([lead_write(each, at=NOW - timedelta(hours=1)) for each in first if each]))
    return database


async def due(store: Store, **asked: Any) -> list[Lead]:
    return list(await store.leads.due_leads(W1, now=NOW, policy=POLICY, **{"limit": LIMIT, **asked}))


@pytest.mark.usefixtures("odd")
async def test_leads_with_unusable_ids_are_returned_with_the_fault_next_to_others(store: Store) -> None:
    found = await due(store)

    assert [each.id for each in found if each.has_usable_id] == ["l0", "l1"]
    odd = [each for each in found if not each.has_usable_id]
    assert len({each.id for each in odd} | {"l0", "l1", "l2"}) == 6
    assert all(each.fault and each.fault.startswith("lead.id has") for each in odd)


@pytest.mark.usefixtures("odd")
async def test_leads_with_unusable_ids_back_off_without_changing_other_rows(store: Store) -> None:
    found = [each for each in await due(store) if not each.has_usable_id]
    writes = [lead_write(each) for each in found]
    later = NOW + timedelta(hours=1)
    await store.leads.write(
        batch([*writes[:2], lead_write(found[2], state=lead_write(found[2]).state_if_refused)], at=NOW)
    )

    assert [each.has_usable_id for each in await due(store)] == [True, True]
    again = await store.leads.due_leads(W1, now=later, policy=POLICY, limit=LIMIT)
    assert sorted(each.state.failure_count for each in again if not each.has_usable_id) == [0, 0, 1]
    assert {each.state.attempted_at for each in again if not each.has_usable_id} == {NOW}
    one = await store.leads.lead(LeadId("l1"))
    assert one is not None
    assert one.state.attempted_at == NOW - timedelta(hours=1)


@pytest.mark.usefixtures("odd")
async def test_paging_by_id_returns_each_lead_once(store: Store) -> None:
    pages: list[str] = []
    after: LeadId | None = LeadId("")
    while after is not None:
        page = await due(store, after=after)
        pages += [each.id for each in page if each.has_usable_id]
        after = last_id(page)

    assert pages == ["l0", "l1", "l2"]
