"""What a run changed is taken back, at exactly those leads that nobody has written since."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.backfill.undo import Left, undone
from reconcile.domain.ids import LeadId, RunId
from reconcile.domain.lead import Lead, LeadStatus
from reconcile.domain.planning.change import Change
from reconcile.domain.planning.outcome import Outcome
from reconcile.errors import RequestError
from reconcile.ports import Store
from reconcile.store.leads.change_documents import change_documents
from reconcile.store.leads.seed import seed
from reconcile.store.session import open_store
from tests.services.fakes import FakeClock
from tests.stores import DEFAULT, RUN, W1, W2, appointment, batch, booking, lead, lead_write, workspace
from tests.use_cases import Undo, Undoing, undo

UNDO = RunId("undo-1")
COUNT = 12


async def ran(url: str, store: Store, *, count: int = COUNT) -> list[Lead]:
    """Return leads as they were before a run booked them all."""
    leads = [lead(f"l{n:02}", status=LeadStatus.QUALIFIED, workspace_id=(W1, W2)[n % 2]) for n in range(count)]
    await seed(url, mapping=DEFAULT, workspaces=[workspace(W1), workspace(W2)], leads=leads)
    read = [await stored(store, each.id) for each in leads]
    await store.ledger.begin_run(RUN, started_at=FakeClock().now(), trigger="schedule", version="1")
    for owner in (W1, W2):
        writes = [
            lead_write(each, change=booking(each, appointment(f"A-{each.id}")))
            for each in read
            if each.workspace_id == owner
        ]
        await store.leads.write(batch(writes))
    return read


async def stored(store: Store, lead_id: str) -> Lead:
    found = await store.leads.lead(LeadId(lead_id))
    assert found is not None
    return found


async def facts(store: Store, leads: Sequence[Lead]) -> list[object]:
    found = [await stored(store, each.id) for each in leads]
    return [(each.status, each.rollup, each.contact_id, each.appointments) for each in found]


async def written_by_others(store: Store, lead_id: str) -> None:
    """Let another one move the lead's appointment if there is one, as a later run would."""
    one = await stored(store, lead_id)
    if not one.appointments:
        return
    moved = replace(one.appointments[0], starts_at=one.appointments[0].starts_at + timedelta(hours=1))
    change = booking(one, moved)
    await store.leads.write(batch([lead_write(one, change=change)], run_id=RunId("later")))


async def take_back(store: Store, run: RunId = RUN, own: RunId = UNDO, *, dry_run: bool = False) -> Undoing:
    return await undo(Undo(undone_run=run, run_id=own, dry_run=dry_run), store=store, clock=FakeClock())


@pytest.fixture
async def store_at(migrated_url: str) -> AsyncIterator[tuple[str, Store]]:
    async with open_store(migrated_url, mapping=DEFAULT) as store:
        yield migrated_url, store


async def test_an_undo_restores_the_state_before_the_run(store_at: tuple[str, Store]) -> None:
    url, store = store_at
    leads = await ran(url, store)
    before = [(each.status, each.rollup, each.contact_id, each.appointments) for each in leads]
    assert await facts(store, leads) != before
    effects = await store.outbox.pending_count()

    done = await take_back(store)

    assert (len(done.reverted), done.left) == (COUNT, ())
    assert await facts(store, leads) == before
    assert await store.outbox.pending_count() == effects
    row = await store.ledger.run(UNDO)
    assert row is not None
    assert row.report is not None
    assert row.trigger == row.report["trigger"] == "undo"
    assert row.report["healthReasons"] == [f"undo of run {RUN}: {COUNT} leads reverted, 0 left as they are"]
    assert len(await store.ledger.changes(run_id=UNDO, limit=100)) == COUNT


async def test_an_undo_does_not_count_as_a_visit(store_at: tuple[str, Store]) -> None:
    """It keeps no workspace from its turn, and no parked one waits less for it."""
    url, store = store_at
    await ran(url, store)
    visits = [await store.leads.workspace(each) for each in (W1, W2)]
    assert visits[0] is not None
    assert visits[0].visited_at is not None
    await take_back(store)

    assert [await store.leads.workspace(each) for each in (W1, W2)] == visits


async def test_an_undo_can_be_undone(store_at: tuple[str, Store]) -> None:
    url, store = store_at
    leads = await ran(url, store)
    after = await facts(store, leads)
    await take_back(store)

    again = await take_back(store, run=UNDO, own=RunId("undo-2"))

    assert len(again.reverted) == COUNT
    assert await facts(store, leads) == after


async def test_exactly_the_unchanged_rows_are_reverted(store_at: tuple[str, Store]) -> None:
    url, store = store_at
    leads = await ran(url, store)
    touched = [each.id for each in leads[::3]]
    for lead_id in touched:
        await written_by_others(store, lead_id)
    untouched = [each for each in leads if each.id not in touched]
    theirs = await facts(store, leads[::3])

    dry = await take_back(store, dry_run=True)
    done = await take_back(store)

    assert set(dry.reverted) == set(done.reverted) == {each.id for each in untouched}
    assert {each.lead_id: each.reason for each in done.left} == dict.fromkeys(touched, Left.CHANGED_SINCE)
    assert await facts(store, leads[::3]) == theirs
    assert await facts(store, untouched) == [
        (each.status, each.rollup, each.contact_id, each.appointments) for each in untouched
    ]
    second = await take_back(store, own=RunId("undo-3"))
    assert (second.reverted, len(second.left)) == ((), COUNT)


async def test_concurrent_edits_are_not_lost(store_at: tuple[str, Store]) -> None:
    """Each lead ends either reverted or as the other writer left it, and the result says which."""
    url, store = store_at
    leads = await ran(url, store)

    async def others() -> None:
        for each in leads:
            await written_by_others(store, each.id)

    done, _ = await asyncio.gather(take_back(store), others())

    for each in leads:
        now = await stored(store, each.id)
        is_moved = any(row.run_id == "later" for row in await store.ledger.changes(lead_id=each.id))
        if each.id in done.reverted:
            assert not is_moved
            assert (now.rollup, now.appointments) == (each.rollup, ())
        else:
            assert is_moved
            assert now.appointments
    assert len(done.reverted) + len(done.left) == COUNT


async def test_a_busy_workspace_is_left_and_reported(store_at: tuple[str, Store]) -> None:
    url, store = store_at
    leads = await ran(url, store)
    lease = await store.leases.acquire(f"workspace:{W1}", holder="a run", ttl=timedelta(minutes=1))

    done = await take_back(store)
    await store.leases.release(lease)

    of_w1 = {each.id for each in leads if each.workspace_id == W1}
    assert {each.lead_id for each in done.left} == of_w1
    assert {each.reason for each in done.left} == {Left.WORKSPACE_BUSY}
    assert set((await take_back(store, own=RunId("undo-4"))).reverted) == of_w1


async def test_a_dry_run_writes_nothing(store_at: tuple[str, Store]) -> None:
    url, store = store_at
    leads = await ran(url, store)
    after = await facts(store, leads)

    done = await take_back(store, dry_run=True)

    assert (len(done.reverted), done.run_id) == (COUNT, None)
    assert await facts(store, leads) == after
    assert await store.ledger.run(UNDO) is None


async def test_an_unknown_run_is_refused(store_at: tuple[str, Store]) -> None:
    with pytest.raises(RequestError, match="there is no run nobody"):
        await take_back(store_at[1], run=RunId("nobody"))


@given(
    status=st.sampled_from([LeadStatus.QUALIFIED, LeadStatus.KEPT, LeadStatus.MEETING_BOOKED]),
    contact=st.none() | st.just("c-1"),
    canceled=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_undoing_a_change_gives_the_values_before_it(status: LeadStatus, contact: str | None, canceled: bool) -> None:
    one = lead(status=status, contact_id=contact)
    booked = appointment("A1", status=AppointmentStatus.CANCELED if canceled else AppointmentStatus.CONFIRMED)
    change = booking(one, booked)
    before, after = change_documents(change)
    changed = replace(
        one, status=change.status, rollup=change.rollup, contact_id=change.contact_id, appointments=(booked,)
    )

    back = undone(changed, before=before, after=after)

    assert isinstance(back, Change)
    assert (back.rollup, back.status, back.contact_id) == (one.rollup, one.status, one.contact_id)
    assert (back.appointments, back.removed) == ((), (booked,))
    assert (back.effects, back.outcome) == ((), Outcome.UPDATED)
    moved = replace(booked, starts_at=booked.starts_at + timedelta(hours=1))
    assert undone(replace(changed, appointments=(moved,)), before=before, after=after) is Left.CHANGED_SINCE


def test_a_status_that_the_ledger_does_not_hold_is_not_guessed() -> None:
    one = lead(status=LeadStatus.OTHER)
    change = booking(one, appointment("A1"))
    before, after = change_documents(change)
    changed = replace(one, status=change.status, rollup=change.rollup, appointments=(appointment("A1"),))

    assert undone(changed, before=before, after=after) is Left.STATUS_UNKNOWN
    assert undone(changed, before={"new": 1}, after=after) is Left.UNREADABLE
