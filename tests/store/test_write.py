"""Writing a batch: all or nothing, one writer at a time, in a number of statements that does not grow."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from reconcile.domain.lead import Lead, LeadStatus
from reconcile.errors import LeaseLost, StoreUnavailable
from reconcile.ports import Store
from reconcile.store.leads.leads import SqlLeads
from reconcile.store.leads.seed import seed
from reconcile.store.session import open_store
from tests.store.schemas import Customer
from tests.stores import (
    DEFAULT,
    NOW,
    POLICY,
    W1,
    appointment,
    batch,
    booking,
    lead,
    lead_write,
    signature,
    state,
    workspace,
)

LONG = timedelta(hours=1)
OURS = ("run", "batch", "lead_state", "appointment_state", "workspace_state", "change", "signature", "outbox")
TABLES = ("lead", "appointment", *(f"reconcile_{name}" for name in OURS))


@pytest.fixture
async def database(migrated_url: str) -> Customer:
    """Give a migrated database with a workspace of 60 leads."""
    leads = [lead(f"l{n:02}") for n in range(60)]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=leads)
    return Customer(migrated_url, DEFAULT)


@pytest.fixture
async def store(database: Customer) -> AsyncIterator[Store]:
    async with open_store(database.url, mapping=DEFAULT) as opened:
        yield opened


async def due(store: Store, count: int) -> list[Lead]:
    return list(await store.leads.due_leads(W1, now=NOW, policy=POLICY, limit=count))


def booked(leads: list[Lead]) -> Any:
    """Return a batch in which every other lead is booked and the others fail."""
    writes = [
        lead_write(each, change=booking(each, appointment(f"A-{each.id}")))
        if n % 2 == 0
        else lead_write(each, signature=signature())
        for n, each in enumerate(leads)
    ]
    return batch(writes)


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """Collect the statements that the store sends."""
    assert isinstance(store.leads, SqlLeads)
    engine = store.leads._database.engine.sync_engine
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        if not arguments[2].startswith("BEGIN"):
            sent.append(arguments[2])

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("leads", [1, 60])
async def test_statements_do_not_grow_with_rows(store: Store, database: Customer, leads: int) -> None:
    """The figures are those of the promise: see docs/decisions/0003."""
    is_sqlite = database.url.startswith("sqlite")
    run = await store.leases.acquire("run", holder="me", ttl=LONG)
    with statements(store) as reading:
        found = await due(store, leads)
    with statements(store) as leasing:
        lease = await store.leases.acquire("workspace/w1", holder="me", ttl=LONG)
    changed, plain = booked(found), batch([lead_write(each) for each in found])
    with statements(store) as writing_nothing_new:
        await store.leads.write(replace(batch(plain.writes, leases=[run, lease]), gives_up=(lease,)))
    lease = await store.leases.acquire("workspace/w1", holder="me", ttl=LONG)
    with statements(store) as writing:
        await store.leads.write(replace(batch(changed.writes, leases=[run, lease]), gives_up=(lease,)))

    assert (len(reading), len(leasing)) == (2, 1)
    # One of them is the question whether these are still the leads that were asked about.
    assert len(writing_nothing_new) == (6 if is_sqlite else 2)
    assert len(writing) <= (15 if is_sqlite else 5)


async def test_an_unchanged_lead_updates_no_row_of_the_customers(store: Store, database: Customer) -> None:
    if database.url.startswith("sqlite"):
        pytest.skip("SQLite counts no tuples")
    count = "SELECT coalesce(sum(n_tup_upd), 0) FROM pg_stat_user_tables WHERE relname IN ('lead', 'appointment')"
    found = await due(store, 60)
    await store.leads.write(batch([lead_write(each) for each in found]))
    await database.execute("SELECT pg_stat_force_next_flush()")

    assert await database.execute(count) == [(0,)]


@pytest.mark.parametrize("table", ["reconcile_change", "reconcile_outbox", "reconcile_signature", "reconcile_batch"])
async def test_a_fault_during_a_write_leaves_no_partial_batch(store: Store, database: Customer, table: str) -> None:
    found = await due(store, 6)
    before = await contents(database)

    with failing(store, table), pytest.raises(StoreUnavailable):
        await store.leads.write(booked(found))
    assert await contents(database) == before


@contextmanager
def failing(store: Store, table: str) -> Iterator[None]:
    """Make every statement that inserts into *table* fail: before it on SQLite, behind it on PostgreSQL."""
    assert isinstance(store.leads, SqlLeads)
    engine = store.leads._database.engine.sync_engine

    def fail(*arguments: Any) -> None:
        if f"INSERT INTO {table} " in arguments[2]:
            raise OSError("broken")

    moment = "after_cursor_execute" if engine.dialect.name == "postgresql" else "before_cursor_execute"
    event.listen(engine, moment, fail)
    try:
        yield
    finally:
        event.remove(engine, moment, fail)


async def contents(database: Customer) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables that a batch writes."""
    return {name: await database.execute(f"SELECT * FROM {name} ORDER BY 1") for name in TABLES}  # noqa: S608


async def test_a_write_with_an_old_fencing_token_changes_no_row(store: Store, database: Customer) -> None:
    found = await due(store, 6)
    old = await store.leases.acquire("workspace/w1", holder="me", ttl=timedelta(0))
    await store.leases.acquire("workspace/w1", holder="you", ttl=LONG)
    before = await contents(database)

    with pytest.raises(LeaseLost):
        await store.leads.write(batch(booked(found).writes, leases=[old]))
    assert await contents(database) == before


async def test_concurrent_writers_make_each_change_once(store: Store) -> None:
    found = await due(store, 20)
    receipts = await asyncio.gather(*(store.leads.write(booked(found)) for _ in range(5)))

    changed = {each.id for n, each in enumerate(found) if n % 2 == 0}
    assert sorted(len(receipt.drifted) for receipt in receipts) == [0] + [len(changed)] * 4
    assert await store.outbox.pending_count() == len(changed)
    assert len(await store.ledger.changes(limit=99)) == len(changed)


async def waiting(connection: Any, count: int) -> None:
    """Return when *count* others wait for a lock; the event is in the server, so there is nothing to await here."""
    while await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < count:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_rows_of_another_writer_are_waited_for_and_kept(store: Store, database: Customer) -> None:
    """The webhook handler has the rows locked when we come, and commits something else."""
    if database.url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    import asyncpg  # noqa: PLC0415 - not for SQLite

    found = await due(store, 2)
    handler = await asyncpg.connect(database.url)
    try:
        transaction = handler.transaction()
        await transaction.start()
        await handler.execute("UPDATE lead SET booking_id = 'theirs' WHERE id = $1", found[0].id)
        ours = asyncio.create_task(
            store.leads.write(batch([lead_write(each, change=booking(each, appointment(each.id))) for each in found]))
        )
        await waiting(handler, 1)
        await transaction.commit()
        receipt = await ours
    finally:
        await handler.close()

    kept = await store.leads.lead(found[0].id)
    assert kept is not None
    assert receipt.drifted == {found[0].id}
    assert (kept.rollup.booking_id, kept.status) == ("theirs", LeadStatus.OTHER)


async def test_a_takeover_waits_for_the_former_holders_transaction(store: Store, database: Customer) -> None:
    """Whoever comes after an expired lease sees all or nothing of the former holder's batch."""
    if database.url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    import asyncpg  # noqa: PLC0415 - not for SQLite

    lease = await store.leases.acquire("workspace/w1", holder="me", ttl=LONG)
    blocker = await asyncpg.connect(database.url)
    try:
        transaction = blocker.transaction()
        await transaction.start()
        found = await due(store, 1)
        await blocker.execute("SELECT 1 FROM lead WHERE id = $1 FOR UPDATE", found[0].id)
        ours = asyncio.create_task(
            store.leads.write(batch([lead_write(found[0], change=booking(found[0], appointment()))], leases=[lease]))
        )
        await waiting(blocker, 1)
        takeover = asyncio.create_task(
            database.execute("UPDATE reconcile_lease SET token = token + 1, holder = 'you' RETURNING token")
        )
        await waiting(blocker, 2)
        waited = not takeover.done()
        await transaction.commit()
        await asyncio.gather(ours, takeover)
    finally:
        await blocker.close()

    assert waited
    assert len(await store.ledger.changes()) == 1


instants = st.none() | st.integers(0, 5).map(lambda hours: NOW + LONG * hours)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(instants, instants), min_size=1, max_size=8), number=st.integers(0, 59))
async def test_watermarks_never_move_back(database: Customer, pairs: list[Any], number: int) -> None:
    one = lead(f"l{number:02}")
    async with open_store(database.url, mapping=DEFAULT) as store:
        seen = (await store.leads.lead(one.id) or one).state
        for attempted_at, verified_at in pairs:
            given_state = state(attempted_at=attempted_at, verified_at=verified_at)
            await store.leads.write(batch([lead_write(one, state=given_state)]))
            now = (await store.leads.lead(one.id) or one).state
            for before, told, after in [
                (seen.attempted_at, attempted_at, now.attempted_at),
                (seen.verified_at, verified_at, now.verified_at),
            ]:
                assert after == max((each for each in (before, told) if each), default=None)
            seen = now


async def test_rows_with_characters_that_no_column_can_hold_are_written(store: Store) -> None:
    found = await due(store, 2)
    odd = "a\0b\ud800"
    writes = [
        lead_write(found[0], change=booking(found[0], appointment(), contact_id=odd)),
        lead_write(found[1], state=state(attempted_at=NOW, reason=odd), signature=signature(odd)),
    ]
    await store.leads.write(batch(writes))

    changed, failed = [await store.leads.lead(each.id) for each in found]
    assert changed is not None
    assert failed is not None
    assert (changed.contact_id, failed.state.reason) == ("a\N{REPLACEMENT CHARACTER}b?",) * 2
