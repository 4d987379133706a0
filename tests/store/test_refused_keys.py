"""A new appointment that the customer's table does not take, though no read of ours shows why."""

from collections.abc import AsyncIterator

import pytest

from reconcile.ports import Store
from reconcile.store.leads.seed import seed
from reconcile.store.session import open_store
from tests.samples import covering
from tests.store.one_refused import (
    BAD,
    BAD_PLACE,
    COUNT,
    SEEN,
    all_leads,
    booked,
    filled,
    is_sqlite,
    refuse,
    without_booking,
)
from tests.store.schemas import Customer
from tests.stores import DEFAULT, W2, appointment, batch, booking, lead, lead_write, workspace


@pytest.fixture
async def database(migrated_url: str) -> Customer:
    return await filled(migrated_url)


@pytest.fixture
async def store(database: Customer) -> AsyncIterator[Store]:
    async with open_store(database.url, mapping=DEFAULT) as opened:
        yield opened


HIDDEN_KEYS = {
    "a column": "(appointment_id)",
    "two columns": "(provider, appointment_id)",
    "an expression": "(lower(appointment_id))",
    "a condition": "(appointment_id) WHERE status = 'confirmed'",
}


@covering(2, "migrated_url", "key")
@pytest.mark.parametrize("key", HIDDEN_KEYS)
@pytest.mark.parametrize("holder", ["a lead of the batch", "another workspace's row"])
async def test_an_appointment_refused_by_a_unique_key_fails_its_lead_with_the_keys_name(
    store: Store, database: Customer, key: str, holder: str
) -> None:
    """No read of ours shows the row in the way: it belongs to another lead."""
    await database.execute(f"CREATE UNIQUE INDEX one_each ON appointment {HIDDEN_KEYS[key]}")
    writes = booked(await all_leads(store))
    second = writes[BAD_PLACE].lead
    taken = "A-l03"
    if holder != "a lead of the batch":
        taken = "A-elsewhere"
        far = lead("elsewhere", workspace_id=W2)
        await seed(database.url, mapping=DEFAULT, workspaces=[workspace(W2)], leads=[far])
        await database.execute(
            "INSERT INTO appointment (lead_id, appointment_id, provider, status, starts_at)"
            " VALUES ('elsewhere', 'A-elsewhere', 'ghl', 'confirmed', '2025-03-03 12:00:00+00')"
        )
    writes[BAD_PLACE] = lead_write(second, change=booking(second, appointment(taken)), signature_if_refused=SEEN)
    receipt = await store.leads.write(batch(writes))
    one = await store.leads.lead(BAD)

    assert one is not None
    assert (set(receipt.refused), await without_booking(store)) == ({BAD}, [BAD])
    reason = receipt.refused[BAD]
    assert ("UNIQUE" if is_sqlite(database) else "(23505)") in reason
    assert ("one_each" if key == "an expression" or not is_sqlite(database) else "appointment.appointment_id") in reason
    assert "A-" not in reason
    assert (one.state.reason, one.state.failure_count) == (reason, 1)
    assert await store.outbox.pending_count() == COUNT - 1


async def test_a_new_appointment_that_a_trigger_drops_silently_fails_its_lead(store: Store, database: Customer) -> None:
    if is_sqlite(database):
        await database.execute(
            f"CREATE TRIGGER gone BEFORE INSERT ON appointment WHEN NEW.lead_id = '{BAD}'"
            " BEGIN SELECT RAISE(IGNORE); END"
        )
    else:
        await refuse(database, "RETURN NULL", table="appointment", key="lead_id")
    receipt = await store.leads.write(batch(booked(await all_leads(store))))

    assert "skips a new appointment" in receipt.refused[BAD]
    assert await without_booking(store) == [BAD]
