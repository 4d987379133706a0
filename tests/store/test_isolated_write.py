"""A write that the customer's database refuses is the failure of its own lead; the others of its batch are written."""

from collections.abc import AsyncIterator

import pytest

from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.ports import Store
from reconcile.store.session import open_store
from tests import samples
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
from tests.stores import DEFAULT, NOW, appointment, batch, booking, lead_write


@pytest.fixture
async def database(migrated_url: str) -> Customer:
    return await filled(migrated_url)


@pytest.fixture
async def store(database: Customer) -> AsyncIterator[Store]:
    async with open_store(database.url, mapping=DEFAULT) as opened:
        yield opened


async def assert_one_is_refused(store: Store, reason: str) -> None:
    receipt = await store.leads.write(batch(booked(await all_leads(store))))
    (kind,) = await store.ledger.signatures()
    one = await store.leads.lead(BAD)

    assert one is not None
    assert (frozenset(receipt.refused), receipt.drifted, receipt.held_up) == (
        frozenset({BAD}),
        frozenset({BAD}),
        frozenset(),
    )
    assert await without_booking(store) == [BAD]
    assert reason in receipt.refused[one.id]
    assert "@" not in receipt.refused[one.id]
    assert (kind.signature.message, one.state.reason) == (receipt.refused[one.id],) * 2
    assert (one.state.failure_count, one.state.attempted_at) == (1, NOW)
    assert await store.outbox.pending_count() == COUNT - 1


STATES = ["AP001", "45000", "55000", "42501", "42P01", "3F000", "28000", "57014", "XX000", "P0001", "23505", "0A000"]


@covering(2, "migrated_url", "state")
@pytest.mark.parametrize("table", ["lead", "appointment"])
@pytest.mark.parametrize("state", STATES)
async def test_a_trigger_that_refuses_one_lead_with_any_sqlstate_fails_only_that_lead(
    store: Store, database: Customer, state: str, table: str
) -> None:
    if is_sqlite(database):
        pytest.skip("SQLite has no states")
    action = f"RAISE EXCEPTION 'no %', NEW USING ERRCODE = '{state}'"
    await refuse(database, action, table=table, key="id" if table == "lead" else "lead_id")

    await assert_one_is_refused(store, f"({state}) at closed")


@samples.cells(6)
@pytest.mark.parametrize("table", ["lead", "appointment"])
@pytest.mark.parametrize(
    "action", ["RAISE(ABORT, 'x@y')", "RAISE(FAIL, 'x@y')", "RAISE(ROLLBACK, 'x@y')", "json_extract('no JSON', '$.a')"]
)
async def test_a_sqlite_trigger_that_refuses_one_lead_fails_only_that_lead(
    store: Store, database: Customer, action: str, table: str
) -> None:
    if not is_sqlite(database):
        pytest.skip("of SQLite alone")
    await refuse(database, action, table=table, key="id" if table == "lead" else "lead_id")

    await assert_one_is_refused(store, "the database refuses a")


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03"])
async def test_a_lead_with_repeated_conflicts_is_deferred_and_the_others_are_written(
    store: Store, database: Customer, state: str
) -> None:
    if is_sqlite(database):
        pytest.skip("SQLite has no states")
    await refuse(database, f"RAISE EXCEPTION 'busy' USING ERRCODE = '{state}'")
    receipt = await store.leads.write(batch(booked(await all_leads(store))))

    assert (dict(receipt.refused), receipt.drifted, receipt.held_up) == ({}, frozenset({BAD}), frozenset({BAD}))
    assert await without_booking(store) == [BAD]


@pytest.mark.parametrize("state", ["08006", "53100", "57P01"])
async def test_a_failure_of_the_database_is_no_leads_failure(store: Store, database: Customer, state: str) -> None:
    if is_sqlite(database):
        pytest.skip("SQLite has no states")
    await refuse(database, f"RAISE EXCEPTION 'down' USING ERRCODE = '{state}'")
    with pytest.raises(StoreUnavailable, match=state):
        await store.leads.write(batch(booked(await all_leads(store))))

    assert len(await without_booking(store)) == COUNT


async def test_a_trigger_that_is_slow_for_one_lead_is_canceled(store: Store, database: Customer) -> None:
    """By the server's own limit, here a short one; behind a pooler a session sets none."""
    if is_sqlite(database):
        pytest.skip("SQLite cannot wait")
    await database.execute(f"ALTER DATABASE {database.url.rpartition('/')[2]} SET statement_timeout = '300ms'")
    await refuse(database, "PERFORM pg_sleep(6)")
    async with open_store(f"{database.url}?pgbouncer=true", mapping=DEFAULT) as hasty:
        await assert_one_is_refused(hasty, "(57014)")


CHECKED_LATE = "UNIQUE (contact_id) DEFERRABLE INITIALLY DEFERRED"


@pytest.mark.parametrize("constraint", ["contact_id", "booking_id", CHECKED_LATE])
async def test_one_of_two_leads_with_an_equal_unique_value_is_refused(
    store: Store, database: Customer, constraint: str
) -> None:
    """Each alone would be taken: only together they are refused."""
    if constraint != CHECKED_LATE:
        await database.execute(f"CREATE UNIQUE INDEX one_each ON lead ({constraint})")
    elif is_sqlite(database):
        pytest.skip("SQLite checks at once")
    else:
        await database.execute(f"ALTER TABLE lead ADD CONSTRAINT one_each {constraint}")
    writes = booked(await all_leads(store))
    first, second = writes[3], writes[BAD_PLACE]
    assert first.change is not None
    shared = appointment(first.change.rollup.booking_id or "")
    writes[BAD_PLACE] = booked([second.lead], contact_id=first.change.contact_id)[0]
    if constraint == "booking_id":
        writes[BAD_PLACE] = lead_write(second.lead, change=booking(second.lead, shared), signature_if_refused=SEEN)
    receipt = await store.leads.write(batch(writes))

    assert set(receipt.refused) == {BAD}
    assert await without_booking(store) == [BAD]
    assert "lead" in receipt.refused[second.lead.id]


@pytest.mark.parametrize("policy", ["USING (true) WITH CHECK (id <> 'l07')", "USING (id <> 'l07')"])
async def test_a_policy_that_refuses_one_lead_fails_only_that_lead(
    store: Store, database: Customer, policy: str
) -> None:
    if is_sqlite(database):
        pytest.skip("SQLite has no policies")
    await database.execute("CREATE ROLE guarded LOGIN")
    try:
        for statement in (
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO guarded",
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guarded",
            "ALTER TABLE lead ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY seen ON lead FOR SELECT USING (true)",
            f"CREATE POLICY written ON lead FOR UPDATE {policy}",
        ):
            await database.execute(statement)
        async with open_store(database.url.replace("//reconcile@", "//guarded@"), mapping=DEFAULT) as guarded:
            await assert_one_is_refused(guarded, "row-level security" if "CHECK" not in policy else "(42501) at lead")
    finally:
        await database.execute("DROP OWNED BY guarded")
        await database.execute("DROP ROLE guarded")


async def test_a_grant_that_is_missing_for_every_lead_is_a_fault_of_the_settings(
    store: Store, database: Customer
) -> None:
    if is_sqlite(database):
        pytest.skip("SQLite has no grants")
    await database.execute("CREATE ROLE limited LOGIN")
    try:
        await database.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO limited")
        await database.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO limited")
        await database.execute("REVOKE UPDATE ON lead FROM limited")
        await database.execute("GRANT UPDATE (email) ON lead TO limited")
        async with open_store(database.url.replace("//reconcile@", "//limited@"), mapping=DEFAULT) as limited:
            with pytest.raises(SettingsError, match="42501"):
                await limited.leads.write(batch(booked(await all_leads(limited))))
    finally:
        await database.execute("DROP OWNED BY limited")
        await database.execute("DROP ROLE limited")


async def test_an_appointment_inserted_concurrently_defers_only_its_own_lead(store: Store, database: Customer) -> None:
    """Behind our reading: by a trigger on the first lead's update, for another one."""
    leads = await all_leads(store)
    columns = "(lead_id, appointment_id, provider, status, starts_at)"
    values = f"('{BAD}', 'A-{BAD}', 'ghl', 'confirmed', '2025-03-03 12:00:00+00')"
    row = f"INSERT INTO appointment {columns} VALUES {values}"  # noqa: S608 - a test's own
    if is_sqlite(database):
        await database.execute(f"CREATE TRIGGER other BEFORE UPDATE ON lead WHEN NEW.id = 'l00' BEGIN {row}; END")
    else:
        await database.execute(
            f"CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN IF NEW.id = 'l00' THEN {row}; END IF; RETURN NEW; END $$"
        )
        await database.execute("CREATE TRIGGER other BEFORE UPDATE ON lead FOR EACH ROW EXECUTE FUNCTION other()")
    receipt = await store.leads.write(batch(booked(leads)))

    found = await store.leads.lead(BAD)

    assert found is not None
    assert (receipt.drifted, dict(receipt.refused)) == (frozenset({BAD}), {})
    assert [each.id for each in found.appointments] == [f"A-{BAD}"]
    assert await without_booking(store) == [BAD]
