"""What keeps a backfill from being planned or carried out, until a person has looked."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.alert import News
from reconcile.domain.backfill.plan import ChangeCaps, ItemState, PlanState, Selection
from reconcile.domain.coordination.rate_limit import Grant
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import ErrorClass, RequestError
from tests.services.backfilling import BOOKED, PLAN, Backfilling, a_plan, cancel, execute, move
from tests.services.fakes import failure
from tests.services.notifications import FakeChannel, look
from tests.services.run_harness import RunHarness, Wrapped


async def test_more_cancellations_than_one_in_ten_hold_the_plan_until_its_hash_is_approved(harness: RunHarness) -> None:
    await harness.fill([10])
    cancel(harness, ["ws-0-lead-001", "ws-0-lead-002"])
    work = Backfilling(harness)
    plan, _ = await work.plan(caps=ChangeCaps())
    counts = await harness.store.backfills.counts(PLAN)

    assert plan.held == ("2 of 10 leads (20 %) would become canceled, and 10 % may without approval",)
    assert plan.state(counts) is PlanState.HELD
    with pytest.raises(RequestError, match=r"is held: 2 of 10 leads .* --approve"):
        await work.apply()
    with pytest.raises(RequestError, match="the approved hash is another one"):
        await work.apply(approve="0" * 64)
    assert await harness.store.outbox.pending_count() == 0

    await work.apply(approve=plan.hash)

    assert await harness.store.outbox.pending_count() == 2


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        (ChangeCaps(changes=1, percent=100, canceled_percent=100), "2 leads would become rescheduled, and 1 may"),
        (ChangeCaps(percent=10), r"2 of 10 leads \(20 %\) would become rescheduled"),
    ],
    ids=["in number", "in percent"],
)
async def test_every_kind_of_change_has_a_cap(harness: RunHarness, caps: ChangeCaps, said: str) -> None:
    await harness.fill([10])
    move(harness, ["ws-0-lead-001", "ws-0-lead-002"])
    work = Backfilling(harness)

    await work.plan(caps=caps)

    with pytest.raises(RequestError, match=said):
        await work.apply()


async def test_an_edited_plan_is_not_applied(harness: RunHarness) -> None:
    await harness.fill([3])
    cancel(harness, ["ws-0-lead-001"])
    work = Backfilling(harness)
    await work.plan()
    await execute(harness, "UPDATE reconcile_backfill_lead SET outcome = 'updated' WHERE lead_id = 'ws-0-lead-001'")

    with pytest.raises(RequestError, match="were edited since it was created"):
        await work.apply()


async def test_a_plan_of_another_database_is_unknown_here(harness: RunHarness) -> None:
    with pytest.raises(RequestError, match="this database has no plan plan-1; it has none"):
        await Backfilling(harness).apply()


async def test_an_incomplete_plan_is_not_applied(harness: RunHarness) -> None:
    await harness.fill([3])
    await harness.store.backfills.begin(a_plan(), BOOKED)

    with pytest.raises(RequestError, match="is not complete"):
        await Backfilling(harness).apply()


async def test_a_held_plan_reports_the_exceeded_cap_and_the_command(harness: RunHarness) -> None:
    await harness.fill([200])
    harness.store = harness.with_(budgets=Wrapped(harness.store.budgets, reserve=_nothing_left))

    with pytest.raises(RequestError, match=r"into 1m: .* ws-0 .* 200 calls at ghl, 131 too many; .*1h"):
        await Backfilling(harness).plan(within=timedelta(minutes=1))
    assert await harness.store.backfills.plans() == []


async def _nothing_left(*_: object, **__: object) -> Any:
    return Grant(granted=0, left=0)


async def test_a_selection_of_all_leads_is_refused_and_an_empty_one_completes(harness: RunHarness) -> None:
    await harness.fill([1])
    work = Backfilling(harness)

    with pytest.raises(RequestError, match="select leads"):
        await work.plan(Selection())
    plan, _ = await work.plan(Selection(workspaces=(WorkspaceId("ws-9"),)))

    assert (plan.selected, plan.state({})) == (0, PlanState.APPLIED)


async def test_doubtful_answers_hold_the_plan_and_not_the_schedule(harness: RunHarness) -> None:
    await harness.fill([10, 10, 10])
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    work = Backfilling(harness)

    plan, trouble = await work.plan()

    assert trouble is not None
    assert plan.hash is None
    assert len(harness.ghl.asked) < 10
    assert "a breaker opened: provider:ghl (ContractFault, 3 of 3 checks)" in plan.held[0]
    assert await harness.store.breakers.load() == []
    with pytest.raises(RequestError, match="is held: planning stopped"):
        await work.apply()

    harness.ghl.always = None
    healed, trouble = await Backfilling(harness).plan()

    assert (trouble, healed.held) == (None, ())
    assert healed.summary["outcomes"] == {"unchanged": 30}


async def test_a_backfill_respects_the_schedules_breakers(harness: RunHarness) -> None:
    await harness.fill([5, 5])
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    await harness.run(then=timedelta(0))
    asked = len(harness.ghl.asked)
    harness.clock.is_hasty = True

    _, trouble = await Backfilling(harness).plan()

    assert trouble is not None
    assert len(harness.ghl.asked) == asked


async def test_many_drifted_rows_stop_the_backfill_until_a_new_approval(harness: RunHarness) -> None:
    await harness.fill([60])
    move(harness, [f"ws-0-lead-{n:03}" for n in range(60)])
    work = Backfilling(harness, batch=10)
    plan, _ = await work.plan()
    await execute(harness, "UPDATE lead SET status = 'customer' WHERE id < 'ws-0-lead-040'")

    stopped, trouble = await work.apply()

    assert trouble is not None
    assert stopped.applied_at is None
    assert await harness.store.outbox.pending_count() == 0
    assert "20 of 20 leads have changed since the plan was made" in stopped.held[0]
    assert len(await work.listed(ItemState.PLANNED)) == 40
    assert plan.hash is not None
    with pytest.raises(RequestError, match="is held"):
        await work.apply()


async def test_rows_verified_by_the_schedule_since_planning_stop_nothing(
    harness: RunHarness,
) -> None:
    await harness.fill([30])
    move(harness, [f"ws-0-lead-{n:03}" for n in range(30)])
    work = Backfilling(harness, batch=10)
    await work.plan()
    harness.clock.advance(timedelta(minutes=5))
    await harness.run()

    ended, trouble = await work.apply()

    assert trouble is None
    assert ended.held == ()
    assert len(await work.listed(ItemState.DRIFTED)) == 30


async def test_a_held_plan_is_notified_with_its_reason_and_its_end(harness: RunHarness, channel: FakeChannel) -> None:
    cancel(harness, ["ws-0-lead-001", "ws-0-lead-002"])
    work = Backfilling(harness)
    plan, _ = await work.plan(caps=ChangeCaps())
    await look(harness, harness.notifier, "tick-1")
    told = [(notice.news, notice.alert) for message in channel.messages for notice in message.notices]
    await work.apply(approve=plan.hash)
    await look(harness, harness.notifier, "tick-2")

    assert [(news, alert.key) for news, alert in told] == [(News.NEW, "held_backfill:plan-1")]
    assert told[0][1].condition.text == "2 of 15 leads (13 %) would become canceled, and 10 % may without approval"
    assert channel.told[1:] == [(News.RECOVERED, "held_backfill:plan-1")]
