"""A backfill from plan to end: exactly what was planned, once, and nothing that somebody else has touched."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.backfill.plan import ItemState, PlanId
from reconcile.domain.backfill.undo import Left
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import AppointmentId, LeadId, RunId
from reconcile.domain.planning.change import Answer
from reconcile.errors import ErrorClass, RequestError, StoreUnavailable
from tests.services.backfilling import BOOKED, DAYS, PLAN, Backfilling, a_plan, cancel, execute, move, of_customer
from tests.services.fakes import START, failure
from tests.services.run_harness import RunHarness, Wrapped
from tests.use_cases import Undo, Undoing, undo


async def test_planning_writes_no_lead_and_applying_writes_exactly_the_plan(harness: RunHarness) -> None:
    leads = await harness.fill([4, 3])
    cancel(harness, ["ws-0-lead-001"])
    move(harness, ["ws-1-lead-000"])
    before = await of_customer(harness)
    work = Backfilling(harness)

    plan, _ = await work.plan()

    assert await of_customer(harness) == before
    assert plan.summary["outcomes"] == {"canceled": 1, "rescheduled": 1, "unchanged": 5}
    assert plan.summary["effects"] == {"open_cancellation_task": 1}
    assert {sample["leadId"] for sample in plan.summary["samples"]} == {"ws-0-lead-001", "ws-1-lead-000"}
    asked = len(harness.ghl.asked)

    applied, trouble = await work.apply()

    assert (applied.applied_at is not None, trouble) == (True, None)
    assert len(harness.ghl.asked) == asked
    assert (await harness.lead("ws-0-lead-001")).rollup.status is AppointmentStatus.CANCELED
    assert (await harness.lead("ws-1-lead-000")).rollup.starts_at == START + timedelta(days=4)
    assert await harness.store.outbox.pending_count() == 1
    assert await work.listed(ItemState.APPLIED) == {lead.id for lead in leads}


async def test_both_watermarks_hold_the_time_of_the_answer_and_not_of_the_write(harness: RunHarness) -> None:
    await harness.fill([2])
    work = Backfilling(harness)
    await work.plan()
    planned_at = harness.clock.now()
    harness.clock.advance(timedelta(hours=3))

    await work.apply()

    state = await harness.state("ws-0-lead-000")
    assert state.verified_at is not None
    assert state.verified_at <= planned_at + timedelta(milliseconds=1)
    assert state.attempted_at == state.verified_at


async def test_a_plans_changes_of_all_its_runs_are_undone_together(harness: RunHarness) -> None:
    """But for the lead that somebody has written since."""
    leads = await harness.fill([7, 4])
    cancel(harness, ["ws-0-lead-000", "ws-0-lead-005"])
    move(harness, ["ws-0-lead-006", "ws-1-lead-003"])
    before = {each.id: (each.status, each.rollup, each.appointments) for each in leads}
    work = Backfilling(harness)
    await work.plan()
    for shard in (Shard(0, 2), Shard(1, 2)):
        await Backfilling(harness, shard=shard).apply()
    runs = await harness.store.backfills.runs(PLAN)
    await execute(harness, "UPDATE lead SET status = 'customer' WHERE id = 'ws-0-lead-000'")

    async def take_back(*, dry_run: bool = False) -> Undoing:
        asked = Undo(undone_plan=PLAN, run_id=RunId("undo-1"), dry_run=dry_run)
        return await undo(asked, store=harness.store, clock=harness.clock)

    dry, done = await take_back(dry_run=True), await take_back()
    row = await harness.store.ledger.run(RunId("undo-1"))

    assert len(runs) > 1
    assert sorted(dry.reverted) == sorted(done.reverted) == ["ws-0-lead-005", "ws-0-lead-006", "ws-1-lead-003"]
    assert [(each.lead_id, each.reason) for each in done.left] == [("ws-0-lead-000", Left.CHANGED_SINCE)]
    for lead_id in done.reverted:
        found = await harness.lead(lead_id)
        assert (found.status, found.rollup, found.appointments) == before[lead_id]
    assert row is not None
    assert row.report is not None
    assert row.report["healthReasons"] == [f"undo of backfill {PLAN}: 3 leads reverted, 1 left as it is"]
    with pytest.raises(RequestError, match="this database has no plan other"):
        await undo(Undo(undone_plan=PlanId("other"), run_id=RunId("u")), store=harness.store, clock=harness.clock)


async def test_applying_again_changes_nothing(harness: RunHarness) -> None:
    await harness.fill([5])
    cancel(harness, ["ws-0-lead-001", "ws-0-lead-002"])
    work = Backfilling(harness)
    await work.plan()
    await work.apply()
    once, changes = await of_customer(harness), (await harness.dump())["reconcile_change"]

    await work.apply()

    assert await of_customer(harness) == once
    assert (await harness.dump())["reconcile_change"] == changes


async def test_a_lead_changed_since_planning_is_not_written_and_is_listed(
    harness: RunHarness,
) -> None:
    await harness.fill([20, 20])
    cancel(harness, ["ws-0-lead-003", "ws-0-lead-004"])
    work = Backfilling(harness, batch=7)
    await work.plan()
    await execute(harness, "UPDATE lead SET status = 'customer' WHERE id IN ('ws-0-lead-003', 'ws-1-lead-007')")

    plan, trouble = await work.apply()

    assert trouble is None
    assert plan.applied_at is not None
    assert await work.listed(ItemState.DRIFTED) == {"ws-0-lead-003", "ws-1-lead-007"}
    assert (await harness.lead("ws-0-lead-003")).rollup.status is AppointmentStatus.CONFIRMED
    assert (await harness.state("ws-1-lead-007")).verified_at is None
    assert (await harness.lead("ws-0-lead-004")).rollup.status is AppointmentStatus.CANCELED


async def test_a_lead_verified_by_the_schedule_since_planning_is_not_written(harness: RunHarness) -> None:
    """It asked later, and has found the rows to be right: what the plan knows is older."""
    await harness.fill([3])
    move(harness, ["ws-0-lead-001"])
    work = Backfilling(harness)
    await work.plan()
    harness.clock.advance(timedelta(minutes=5))
    move(harness, ["ws-0-lead-001"], by=-DAYS)
    await harness.run()

    await work.apply()

    assert await work.listed(ItemState.DRIFTED) == {f"ws-0-lead-00{n}" for n in range(3)}
    assert (await harness.lead("ws-0-lead-001")).rollup.starts_at == START + timedelta(days=3)


async def test_a_lead_deleted_before_applying_is_listed(harness: RunHarness) -> None:
    await harness.fill([3])
    work = Backfilling(harness)
    await work.plan()
    await execute(harness, "DELETE FROM appointment WHERE lead_id = 'ws-0-lead-001'")
    await execute(harness, "DELETE FROM lead WHERE id = 'ws-0-lead-001'")

    await work.apply()

    assert await work.listed(ItemState.DRIFTED) == {"ws-0-lead-001"}


async def test_a_lead_deleted_while_planning_is_skipped(harness: RunHarness) -> None:
    await harness.fill([2])
    work = Backfilling(harness)
    await harness.store.backfills.begin(a_plan(), BOOKED)
    await execute(harness, "DELETE FROM appointment WHERE lead_id = 'ws-0-lead-001'")
    await execute(harness, "DELETE FROM lead WHERE id = 'ws-0-lead-001'")
    plan, _ = await work.plan()

    assert plan.summary["skipped"] == {"gone": 1}
    assert plan.hash is not None


async def test_not_found_answers_for_everything_cancel_nothing(harness: RunHarness) -> None:
    """An absence is remembered, and confirmed or not by the schedule."""
    await harness.fill([3, 3])
    harness.ghl.verdicts = {LeadId("ws-0-lead-001"): Answer(absent=frozenset({AppointmentId("appt-ws-0-lead-001")}))}
    work = Backfilling(harness)
    plan, _ = await work.plan()
    await work.apply()

    assert plan.summary["outcomes"] == {"absent": 1, "unchanged": 5}
    assert (await harness.lead("ws-0-lead-001")).rollup.status is AppointmentStatus.CONFIRMED
    assert (await harness.state("ws-0-lead-001")).absent_since is not None


async def test_empty_lists_for_everything_cancel_nothing(harness: RunHarness) -> None:
    await harness.fill([10, 10])
    harness.ghl.always = Answer()
    work = Backfilling(harness)
    before = await of_customer(harness)

    await work.plan()
    await work.apply()

    assert await of_customer(harness) == before


async def test_a_failing_lead_is_looked_up_three_times_and_then_listed(harness: RunHarness) -> None:
    await harness.fill([20, 20])
    harness.ghl.verdicts = {LeadId("ws-0-lead-001"): failure(ErrorClass.REJECTED)}
    plan, trouble = await Backfilling(harness).plan()

    assert trouble is None
    assert harness.ghl.asked.count(LeadId("ws-0-lead-001")) == 3
    assert plan.summary["failed"] == {"ghl/appointment/rejected: ghl failed": 1}
    assert plan.summary["outcomes"] == {"unchanged": 39}


async def test_shards_plan_and_apply_their_own_leads_and_the_last_one_completes_the_plan(harness: RunHarness) -> None:
    leads = await harness.fill([3, 3, 3, 3, 3, 3])
    move(harness, [lead.id for lead in leads])
    shards = [Backfilling(harness, shard=Shard(n, 3)) for n in range(3)]

    plans = [(await each.plan())[0] for each in shards]
    applied = [(await each.apply())[0] for each in shards]

    assert [plan.hash is not None for plan in plans] == [False, False, True]
    assert [plan.applied_at is not None for plan in applied] == [False, False, True]
    assert len(harness.ghl.asked) == 18
    assert (await harness.lead("ws-5-lead-002")).rollup.starts_at == START + timedelta(days=4)


async def test_a_backfill_neither_delays_the_schedule_nor_changes_its_order(harness: RunHarness) -> None:
    await harness.fill([4])
    work = Backfilling(harness)
    seen: list[Any] = []

    async def beside(*asked: object, **how: object) -> Any:
        seen.append(await harness.run(then=timedelta(0)))
        return await harness.store.backfills.selected(*asked, **how)  # type: ignore[arg-type]

    work.wrap = lambda store: replace(store, backfills=Wrapped(store.backfills, selected=beside))
    await work.plan()
    visited = (await harness.dump())["reconcile_workspace_state"]
    await work.apply()

    assert {(each.stopped, each.errors, each.health.value) for each in seen} == {(None, 0, "healthy")}
    assert (await harness.dump())["reconcile_workspace_state"] == visited


async def test_a_backfill_continues_after_a_database_outage(harness: RunHarness) -> None:
    await harness.fill([6])
    work, writes = Backfilling(harness, batch=2), []

    async def failing(*asked: object, **how: object) -> Any:
        writes.append(asked)
        if len(writes) == 2:
            raise StoreUnavailable("the database does not answer")
        return await harness.store.backfills.record(*asked, **how)  # type: ignore[arg-type]

    work.wrap = lambda store: replace(store, backfills=Wrapped(store.backfills, record=failing))
    with pytest.raises(StoreUnavailable):
        await work.plan()
    plan, _ = await work.plan()

    assert plan.summary["outcomes"] == {"unchanged": 6}
    assert len(harness.ghl.asked) == 8
