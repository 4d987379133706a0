"""Rows of the customer's that cannot be written hold up their own leads, and never a run."""

from dataclasses import replace
from uuid import UUID

import pytest

from reconcile.domain.lead import Lead
from reconcile.domain.planning.outcome import ErrorSignature, Outcome
from reconcile.errors import ErrorClass
from reconcile.ports import Store
from tests.store import schemas
from tests.store.schemas import ONE, TWO
from tests.stores import NOW, appointment, batch, booking, lead_write


async def both(store: Store) -> tuple[Lead, Lead]:
    one, two = await store.leads.lead(ONE), await store.leads.lead(TWO)
    assert one is not None
    assert two is not None
    return one, two


async def refuse_every_update_of_one(customer: schemas.Customer) -> None:
    if customer.url.startswith("sqlite"):
        await customer.execute(
            f"""CREATE TRIGGER closed BEFORE UPDATE ON "Lead" WHEN NEW."leadId" = '{ONE}'
            BEGIN SELECT RAISE(ABORT, 'closed'); END"""
        )
        return
    await customer.execute(
        f"""CREATE FUNCTION app.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW."leadId"::text = '{ONE}' THEN RAISE EXCEPTION 'closed: %', NEW."eMail"; END IF; RETURN NEW; END $$"""
    )
    await customer.execute(
        'CREATE TRIGGER closed BEFORE UPDATE ON app."Lead" FOR EACH ROW EXECUTE FUNCTION app.refuse()'
    )


async def test_a_trigger_on_the_check_time_costs_only_the_check_time(store: Store, customer: schemas.Customer) -> None:
    await refuse_every_update_of_one(customer)
    one, two = await both(store)
    change = booking(two, appointment("A2"))
    receipt = await store.leads.write(batch([lead_write(one), lead_write(two, change=change)]))

    one, two = await both(store)
    assert (receipt.drifted, dict(receipt.refused)) == (frozenset(), {})
    assert (one.state.attempted_at, two.rollup.booking_id) == (NOW, "A2")


async def test_a_trigger_that_refuses_one_leads_change_is_that_leads_failure(
    store: Store, customer: schemas.Customer
) -> None:
    await refuse_every_update_of_one(customer)
    seen = ErrorSignature(provider="ghl", operation="appointment", error_class=ErrorClass.REFUSED_WRITE, message="")
    writes = [
        lead_write(each, change=booking(each, appointment(f"A-{each.id}")), signature_if_refused=seen)
        for each in await both(store)
    ]
    receipt = await store.leads.write(batch(writes))
    (kind,) = await store.ledger.signatures()
    (by_run,) = await store.ledger.sightings(since=NOW)
    (visit,) = await store.ledger.batches()

    assert kind.signature == by_run.signature == replace(seen, message=receipt.refused[ONE])
    assert visit.counts == {Outcome.BOOKED: 1, Outcome.FAILED: 1}
    assert (kind.count, by_run.count, by_run.workspaces) == (1, 1, (writes[0].lead.workspace_id,))
    one, two = await both(store)
    assert set(receipt.refused) == {ONE}
    assert one.state.failure_count == 1
    assert "@" not in (one.state.reason or "")
    assert two.rollup.booking_id == f"A-{TWO}"


async def test_a_row_locked_for_long_defers_only_its_own_lead(store: Store, customer: schemas.Customer) -> None:
    if customer.url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    import asyncpg  # noqa: PLC0415 - not for SQLite

    handler = await asyncpg.connect(customer.url)
    try:
        await handler.execute("BEGIN")
        await handler.execute('SELECT 1 FROM app."Lead" WHERE "leadId" = $1 FOR UPDATE', UUID(ONE))
        writes = [lead_write(each, change=booking(each, appointment(f"A-{each.id}"))) for each in await both(store)]
        receipt = await store.leads.write(batch(writes))
    finally:
        await handler.close()

    one, two = await both(store)
    assert (receipt.drifted, receipt.held_up) == (frozenset({ONE}),) * 2
    assert (one.state.attempted_at, two.rollup.booking_id) == (NOW, f"A-{TWO}")
    assert len(await store.ledger.batches()) == 1
    assert (await store.leads.write(batch(writes[:1]))).drifted == frozenset()
