"""What a run, a backfill or an undo could not write is not reported or marked as done, and is done once later."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.backfill.plan import ItemState
from reconcile.domain.backfill.undo import Left
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.run.report import RunReport
from reconcile.errors import LeaseLost, StoreUnavailable
from tests.services.backfilling import BOOKED, OPEN, PLAN, Backfilling, a_plan, execute, move, of_customer
from tests.services.desk import Desk, Wrapped
from tests.services.fakes import START
from tests.services.obstacles import OBSTACLES, Obstacle, Obstacles, refuse_updates
from tests.use_cases import Applying, OwnBreakers, Undo, Undoing, backfill, carrying_out, planning, undo

LEADS = 3
EDIT = "UPDATE lead SET status = 'customer' WHERE id = :id"
MOVED_TO = START + timedelta(days=4)
obstacles = pytest.mark.parametrize("obstacle", OBSTACLES.values(), ids=OBSTACLES)


async def changes(desk: Desk) -> Counter[LeadId]:
    """Return how many changes of each lead the ledger holds."""
    return Counter(row.lead_id for row in await desk.store.ledger.changes(limit=1000))


async def moved(desk: Desk) -> list[Lead]:
    """Enter leads whose bookings the provider has moved by a day."""
    leads = await desk.fill([LEADS])
    move(desk, [each.id for each in leads])
    return leads


def made(report: RunReport) -> tuple[int, ...]:
    """Return all that a report counts as done."""
    return report.leads_checked, report.rescheduled, report.updated, report.no_change, report.workspaces_processed


async def has_moved(desk: Desk, leads: list[Lead]) -> list[bool]:
    return [(await desk.lead(each.id)).rollup.starts_at == MOVED_TO for each in leads]


@obstacles
async def test_a_run_that_cannot_write_reports_nothing_and_the_next_one_repairs_once(
    desk: Desk, obstacle: Obstacle
) -> None:
    leads = await moved(desk)
    before = await of_customer(desk)
    in_the_way = Obstacles(desk=desk)
    hindered = in_the_way.over(desk.store, obstacle)
    report = None

    async def due(*given: Any, **named: Any) -> Any:
        in_the_way.stop = desk.stop
        return await hindered.leads.due_workspaces(*given, **named)

    with suppress(StoreUnavailable):
        report = await desk.run(store=replace(hindered, leads=Wrapped(hindered.leads, due_workspaces=due)))

    assert report is None or made(report) == (0, 0, 0, 0, 0)
    assert await of_customer(desk) == before
    assert await changes(desk) == Counter()
    states = [await desk.state(each.id) for each in leads]
    assert {(each.verified_at, each.attempted_at) for each in states} == {(None, None)}
    visited = await desk.store.leads.workspace(WorkspaceId("ws-0"))
    assert visited is not None
    assert visited.visited_at is None
    assert await desk.store.leases.held() == {}

    again = await desk.run()
    await desk.run()

    assert (again.rescheduled, again.workspaces_processed) == (LEADS, 1)
    assert all(await has_moved(desk, leads))
    assert await changes(desk) == Counter(each.id for each in leads)


@obstacles
async def test_a_plan_that_cannot_be_written_down_stays_to_be_made_and_is_made_once(
    desk: Desk, obstacle: Obstacle
) -> None:
    leads = await moved(desk)
    await desk.store.backfills.begin(a_plan(), BOOKED)
    work, in_the_way = Backfilling(desk), Obstacles(desk=desk)
    over = planning(
        in_the_way.over(desk.store, obstacle), PLAN, clock=desk.clock, breakers=OwnBreakers(desk.store.breakers)
    )
    report = None
    with suppress(StoreUnavailable):
        report = await work.round(ItemState.SELECTED, store=over, work=None, stop=in_the_way.stop)
    unfinished = await backfill.complete(PLAN, store=desk.store, caps=OPEN, clock=desk.clock)

    assert report is None or made(report) == (0, 0, 0, 0, 0)
    assert await desk.store.backfills.counts(PLAN) == {ItemState.SELECTED: LEADS}
    assert (unfinished.planned_at, unfinished.hash, unfinished.summary) == (None, None, {})

    plan, _ = await work.plan()

    assert plan.summary["outcomes"] == {"rescheduled": LEADS}
    assert await desk.store.backfills.counts(PLAN) == {ItemState.PLANNED: LEADS}
    assert {each.id for each in leads} == await work.listed(ItemState.PLANNED)


@obstacles
async def test_a_plan_that_cannot_be_carried_out_stays_planned_and_is_carried_out_once(
    desk: Desk, obstacle: Obstacle
) -> None:
    leads = await moved(desk)
    work, in_the_way = Backfilling(desk), Obstacles(desk=desk)
    await work.plan()
    before = await of_customer(desk)
    applying = Applying(PLAN)
    over = carrying_out(in_the_way.over(desk.store, obstacle), PLAN, breakers=OwnBreakers(None))
    report = None
    with suppress(StoreUnavailable):
        report = await work.round(ItemState.PLANNED, store=over, work=applying, stop=in_the_way.stop)
    await backfill.conclude(PLAN, backfills=desk.store.backfills, now=desk.clock.now())
    plan = await backfill.known_plan(PLAN, desk.store.backfills)

    assert report is None or made(report) == (0, 0, 0, 0, 0)
    assert await desk.store.backfills.counts(PLAN) == {ItemState.PLANNED: LEADS}
    assert applying.marks == Counter()
    assert (plan.applied_at, applying.trouble) == (None, None)
    assert await desk.store.backfills.runs(PLAN) == []
    assert await of_customer(desk) == before
    assert await changes(desk) == Counter()

    applied, _ = await work.apply()

    assert applied.applied_at is not None
    assert await desk.store.backfills.counts(PLAN) == {ItemState.APPLIED: LEADS}
    assert all(await has_moved(desk, leads))
    assert await changes(desk) == Counter(each.id for each in leads)


@pytest.mark.parametrize("when", ["before", "while"])
async def test_of_a_plan_the_lead_that_is_written_is_applied_and_the_others_are_not(desk: Desk, when: str) -> None:
    """One was written by somebody else, before its batch is read or while it is under way, and one is refused."""
    leads = await moved(desk)
    drifted, refused, written = (each.id for each in leads)
    work = Backfilling(desk)
    await work.plan()
    end_refusal = await refuse_updates(desk, refused)

    async def edited(*given: Any, **named: Any) -> Any:
        found = await desk.store.backfills.leads(*given, **named)
        await execute(desk, EDIT, id=drifted)
        return found

    if when == "while":
        work.wrap = lambda store: replace(store, backfills=Wrapped(store.backfills, leads=edited))
    else:
        await execute(desk, EDIT, id=drifted)
    applying = Applying(PLAN)
    over = carrying_out(work.wrap(desk.store), PLAN, breakers=OwnBreakers(None))
    report = await work.round(ItemState.PLANNED, store=over, work=applying)
    await end_refusal()
    again, _ = await work.apply()

    assert (report.rescheduled, report.errors, report.deferred) == (1, 1, 1)
    assert again.applied_at is not None
    for state, lead_id in ((ItemState.DRIFTED, drifted), (ItemState.REFUSED, refused), (ItemState.APPLIED, written)):
        assert await work.listed(state) == {lead_id}
    assert await changes(desk) == Counter([written])
    assert await has_moved(desk, leads) == [False, False, True]
    taken_back = await take_back(desk, undone_plan=PLAN)
    assert (taken_back.reverted, taken_back.left) == ((written,), ())


async def take_back(desk: Desk, number: int = 1, *, store: Any = None, **what: Any) -> Undoing:
    asked = Undo(run_id=RunId(f"undo-{number}"), batch=1, **what)
    return await undo(asked, store=store or desk.store, clock=desk.clock)


@pytest.mark.parametrize("obstacle", ["the workspace is busy", "the lease is lost", "another run has taken over"])
async def test_an_undo_that_cannot_write_names_each_lead_as_left_and_a_repeat_reverts_it_once(
    desk: Desk, obstacle: str
) -> None:
    leads = await moved(desk)
    report = await desk.run()
    before = await of_customer(desk)
    over = Obstacles(desk=desk).over(desk.store, OBSTACLES[obstacle])

    hindered = await take_back(desk, 1, store=over, undone_run=report.run_id)

    assert hindered.reverted == ()
    assert [(each.lead_id, each.reason) for each in hindered.left] == [(each.id, Left.WORKSPACE_BUSY) for each in leads]
    assert await of_customer(desk) == before
    assert await desk.store.ledger.changes(run_id=RunId("undo-1")) == []
    row = await desk.store.ledger.run(RunId("undo-1"))
    assert row is not None
    assert row.report is not None
    assert row.report["updated"] == 0

    done = await take_back(desk, 2, undone_run=report.run_id)

    assert list(done.reverted) == [each.id for each in leads]
    assert not any(await has_moved(desk, leads))


@pytest.mark.parametrize("failing", range(1, LEADS + 1))
async def test_an_undo_that_loses_the_database_is_not_reported_and_a_repeat_reverts_the_rest(
    desk: Desk, failing: int
) -> None:
    """One lead is written in one transaction here; the database goes away at each of them in turn."""
    leads = await moved(desk)
    report = await desk.run()
    writes = 0

    async def write(*given: Any, **named: Any) -> Any:
        nonlocal writes
        writes += 1
        if writes == failing:
            raise StoreUnavailable("the database does not answer")
        return await desk.store.leads.write(*given, **named)

    over = replace(desk.store, leads=Wrapped(desk.store.leads, write=write))
    with pytest.raises(StoreUnavailable):
        await take_back(desk, 1, store=over, undone_run=report.run_id)
    row = await desk.store.ledger.run(RunId("undo-1"))
    held = await desk.store.leases.held()
    done = await take_back(desk, 2, undone_run=report.run_id)

    assert row is not None
    assert (row.report, held) == (None, {})
    assert list(done.reverted) == [each.id for each in leads[failing - 1 :]]
    assert [each.reason for each in done.left] == [Left.CHANGED_SINCE] * (failing - 1)
    assert not any(await has_moved(desk, leads))
    assert await changes(desk) == Counter({each.id: 2 for each in leads})


async def test_of_an_undo_the_lead_that_is_written_is_reverted_and_the_others_are_not(desk: Desk) -> None:
    leads = await moved(desk)
    report = await desk.run()
    drifted, refused, written = (each.id for each in leads)
    await refuse_updates(desk, refused)
    read = desk.store.leads.lead

    async def edited(lead_id: LeadId) -> Any:
        found = await read(lead_id)
        if lead_id == drifted:
            await execute(desk, EDIT, id=drifted)
        return found

    over = replace(desk.store, leads=Wrapped(desk.store.leads, lead=edited))
    asked = Undo(run_id=RunId("undo-1"), undone_run=report.run_id)

    done = await undo(asked, store=over, clock=desk.clock)

    assert done.reverted == (written,)
    assert {each.lead_id: each.reason for each in done.left} == {
        drifted: Left.CHANGED_SINCE,
        refused: Left.REFUSED,
    }
    assert [row.lead_id for row in await desk.store.ledger.changes(run_id=RunId("undo-1"))] == [written]
    row = await desk.store.ledger.run(RunId("undo-1"))
    assert row is not None
    assert row.report is not None
    assert row.report["healthReasons"] == [f"took back run {report.run_id}: 1 lead reverted, 2 left as they are"]


async def test_a_run_that_loses_its_lease_after_one_batch_reports_that_batch_alone(desk: Desk) -> None:
    leads = await desk.fill([1, 1])
    move(desk, [each.id for each in leads])
    writes: list[WorkspaceId] = []

    async def write(batch: Any) -> Any:
        writes.append(batch.workspace_id)
        if len(writes) == 2:
            raise LeaseLost("another run has taken over")
        return await desk.store.leads.write(batch)

    desk.policy = replace(desk.policy, workspace_concurrency=1)
    report = await desk.run(store=replace(desk.store, leads=Wrapped(desk.store.leads, write=write)))

    assert (report.rescheduled, report.leads_checked, report.workspaces_processed) == (1, 1, 1)
    assert await changes(desk) == Counter([LeadId(f"{writes[0]}-lead-000")])
