"""What a run or a backfill could not write is not reported or marked as done, and is done once later."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from reconcile.domain.backfill.plan import ItemState
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.run.report import RunReport
from reconcile.errors import LeaseLost, StoreUnavailable
from tests import samples
from tests.services.backfilling import BOOKED, OPEN, PLAN, Backfilling, a_plan, execute, move, of_customer
from tests.services.moved_leads import EDIT, LEADS, changes, has_moved, moved, take_back
from tests.services.run_harness import RunHarness, Wrapped
from tests.services.write_refusals import OBSTACLES, Obstacle, Obstacles, locked, refuse_updates
from tests.use_cases import Applying, OwnBreakers, backfill, carrying_out, planning

JUDGED = 20
"""Leads from which on a rate of drift is judged."""
obstacles = pytest.mark.parametrize("obstacle", OBSTACLES.values(), ids=OBSTACLES)


def done_counts(report: RunReport) -> tuple[int, ...]:
    """Return all that a report counts as done."""
    return report.leads_checked, report.rescheduled, report.updated, report.no_change, report.workspaces_processed


@samples.cells(2)
@obstacles
async def test_a_run_that_cannot_write_reports_nothing_and_the_next_one_repairs_once(
    harness: RunHarness, obstacle: Obstacle
) -> None:
    leads = await moved(harness)
    before = await of_customer(harness)
    in_the_way = Obstacles(harness=harness)
    hindered = in_the_way.over(harness.store, obstacle)
    report = None

    async def due(*given: Any, **named: Any) -> Any:
        in_the_way.stop = harness.stop
        return await hindered.leads.due_workspaces(*given, **named)

    with suppress(StoreUnavailable):
        report = await harness.run(store=replace(hindered, leads=Wrapped(hindered.leads, due_workspaces=due)))

    assert report is None or done_counts(report) == (0, 0, 0, 0, 0)
    assert await of_customer(harness) == before
    assert await changes(harness) == Counter()
    states = [await harness.state(each.id) for each in leads]
    assert {(each.verified_at, each.attempted_at) for each in states} == {(None, None)}
    visited = await harness.store.leads.workspace(WorkspaceId("ws-0"))
    assert visited is not None
    assert visited.visited_at is None
    assert await harness.store.leases.held() == {}

    again = await harness.run()
    await harness.run()

    assert (again.rescheduled, again.workspaces_processed) == (LEADS, 1)
    assert all(await has_moved(harness, leads))
    assert await changes(harness) == Counter(each.id for each in leads)


@samples.cells(2)
@obstacles
async def test_a_plan_that_cannot_be_stored_is_planned_once_later(harness: RunHarness, obstacle: Obstacle) -> None:
    leads = await moved(harness)
    await harness.store.backfills.begin(a_plan(), BOOKED)
    work, in_the_way = Backfilling(harness), Obstacles(harness=harness)
    over = planning(
        in_the_way.over(harness.store, obstacle),
        PLAN,
        clock=harness.clock,
        breakers=OwnBreakers(harness.store.breakers),
    )
    report = None
    with suppress(StoreUnavailable):
        report = await work.round(ItemState.SELECTED, store=over, work=None, stop=in_the_way.stop)
    unfinished = await backfill.complete(PLAN, store=harness.store, caps=OPEN, clock=harness.clock)

    assert report is None or done_counts(report) == (0, 0, 0, 0, 0)
    assert await harness.store.backfills.counts(PLAN) == {ItemState.SELECTED: LEADS}
    assert (unfinished.planned_at, unfinished.hash, unfinished.summary) == (None, None, {})

    plan, _ = await work.plan()

    assert plan.summary["outcomes"] == {"rescheduled": LEADS}
    assert await harness.store.backfills.counts(PLAN) == {ItemState.PLANNED: LEADS}
    assert {each.id for each in leads} == await work.listed(ItemState.PLANNED)


@samples.cells(2)
@obstacles
async def test_a_plan_that_cannot_be_applied_stays_planned_and_is_applied_once(
    harness: RunHarness, obstacle: Obstacle
) -> None:
    leads = await moved(harness)
    work, in_the_way = Backfilling(harness), Obstacles(harness=harness)
    await work.plan()
    before = await of_customer(harness)
    applying = Applying(PLAN)
    over = carrying_out(in_the_way.over(harness.store, obstacle), PLAN, breakers=OwnBreakers(None))
    report = None
    with suppress(StoreUnavailable):
        report = await work.round(ItemState.PLANNED, store=over, work=applying, stop=in_the_way.stop)
    await backfill.conclude(PLAN, backfills=harness.store.backfills, now=harness.clock.now())
    plan = await backfill.known_plan(PLAN, harness.store.backfills)

    assert report is None or done_counts(report) == (0, 0, 0, 0, 0)
    assert await harness.store.backfills.counts(PLAN) == {ItemState.PLANNED: LEADS}
    assert applying.marks == Counter()
    assert (plan.applied_at, applying.trouble) == (None, None)
    assert await harness.store.backfills.runs(PLAN) == []
    assert await of_customer(harness) == before
    assert await changes(harness) == Counter()

    applied, _ = await work.apply()

    assert applied.applied_at is not None
    assert await harness.store.backfills.counts(PLAN) == {ItemState.APPLIED: LEADS}
    assert all(await has_moved(harness, leads))
    assert await changes(harness) == Counter(each.id for each in leads)


async def test_a_lead_with_a_locked_row_stays_planned_and_is_no_drift(harness: RunHarness) -> None:
    """The others of its batch are applied."""
    leads = await harness.fill([JUDGED + 1])
    unchanged, held, *others = (each.id for each in leads)
    move(harness, [held, *others])
    work = Backfilling(harness, batch=JUDGED + 1)
    await work.plan()
    applying = Applying(PLAN)
    over = carrying_out(harness.store, PLAN, breakers=OwnBreakers(None))
    async with locked(harness, held):
        report = await work.round(ItemState.PLANNED, store=over, work=applying)

    assert await work.listed(ItemState.APPLIED) == {unchanged, *others}
    assert await work.listed(ItemState.PLANNED) == {held}
    assert (report.rescheduled, report.no_change, report.deferred) == (JUDGED - 1, 1, 1)
    assert (applying.marks, applying.trouble) == (Counter({ItemState.APPLIED: JUDGED}), None)
    assert await changes(harness) == Counter(others)

    applied, trouble = await work.apply()

    assert (applied.applied_at is not None, trouble) == (True, None)
    assert await work.listed(ItemState.APPLIED) == {each.id for each in leads}
    assert await changes(harness) == Counter([held, *others])


@pytest.mark.parametrize("when", ["before", "while"])
async def test_a_partly_written_batch_counts_only_the_written_lead_as_applied(harness: RunHarness, when: str) -> None:
    """One was written by somebody else, before its batch is read or while it is under way, and one is refused."""
    leads = await moved(harness)
    drifted, refused, written = (each.id for each in leads)
    work = Backfilling(harness)
    await work.plan()
    end_refusal = await refuse_updates(harness, refused)

    async def edited(*given: Any, **named: Any) -> Any:
        found = await harness.store.backfills.leads(*given, **named)
        await execute(harness, EDIT, id=drifted)
        return found

    if when == "while":
        work.wrap = lambda store: replace(store, backfills=Wrapped(store.backfills, leads=edited))
    else:
        await execute(harness, EDIT, id=drifted)
    applying = Applying(PLAN)
    over = carrying_out(work.wrap(harness.store), PLAN, breakers=OwnBreakers(None))
    report = await work.round(ItemState.PLANNED, store=over, work=applying)
    await end_refusal()
    again, _ = await work.apply()

    assert (report.rescheduled, report.errors, report.deferred) == (1, 1, 1)
    assert again.applied_at is not None
    for state, lead_id in ((ItemState.DRIFTED, drifted), (ItemState.REFUSED, refused), (ItemState.APPLIED, written)):
        assert await work.listed(state) == {lead_id}
    assert await changes(harness) == Counter([written])
    assert await has_moved(harness, leads) == [False, False, True]
    taken_back = await take_back(harness, undone_plan=PLAN)
    assert (taken_back.reverted, taken_back.left) == ((written,), ())


async def test_a_run_that_loses_its_lease_after_one_batch_reports_only_this_batch(harness: RunHarness) -> None:
    leads = await harness.fill([1, 1])
    move(harness, [each.id for each in leads])
    writes: list[WorkspaceId] = []

    async def write(batch: Any) -> Any:
        writes.append(batch.workspace_id)
        if len(writes) == 2:
            raise LeaseLost("another run has taken over")
        return await harness.store.leads.write(batch)

    harness.policy = replace(harness.policy, workspace_concurrency=1)
    report = await harness.run(store=replace(harness.store, leads=Wrapped(harness.store.leads, write=write)))

    assert (report.rescheduled, report.leads_checked, report.workspaces_processed) == (1, 1, 1)
    assert await changes(harness) == Counter([LeadId(f"{writes[0]}-lead-000")])
