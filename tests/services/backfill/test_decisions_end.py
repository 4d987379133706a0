"""Decisions of a run or a backfill end with their reason: approvals, limits that were learned."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.backfill.plan import ChangeCaps, ItemState
from reconcile.domain.coordination.rate_limit import RateLimit
from reconcile.errors import RequestError
from reconcile.ports import Usage
from tests.services.backfilling import PLAN, Backfilling, execute, move
from tests.services.run_harness import RunHarness, Wrapped
from tests.use_cases import backfill

FEW = ChangeCaps(percent=10)
"""More changes than this have to be approved."""


async def test_an_approval_ends_when_drifted_rows_hold_the_plan(
    harness: RunHarness,
) -> None:
    await harness.fill([60])
    move(harness, [f"ws-0-lead-{n:03}" for n in range(60)])
    work = Backfilling(harness, batch=10)
    plan, _ = await work.plan(caps=FEW)
    assert plan.hash is not None
    await execute(harness, "UPDATE lead SET status = 'customer' WHERE id < 'ws-0-lead-040'")

    stopped, _ = await work.apply(approve=plan.hash)

    assert stopped.approved_hash is None
    assert "20 of 20 leads have changed since the plan was made" in stopped.held[-1]
    assert "would become rescheduled" in stopped.held[0]
    with pytest.raises(RequestError, match="is held"):
        await work.apply()
    ended, _ = await Backfilling(harness, batch=100).apply(approve=plan.hash)
    assert await work.listed(ItemState.PLANNED) == set()
    assert ended.applied_at is not None


async def test_an_approval_lasts_until_the_plan_is_held_again(harness: RunHarness) -> None:
    await harness.fill([3])
    move(harness, ["ws-0-lead-000"])
    work = Backfilling(harness)
    plan, _ = await work.plan(caps=FEW)

    await backfill.admitted(PLAN, approve=plan.hash, backfills=harness.store.backfills)
    admitted = await backfill.admitted(PLAN, approve=None, backfills=harness.store.backfills)

    assert admitted.approved_hash == plan.hash


@pytest.mark.parametrize(
    ("late", "is_refused"),
    [(timedelta(days=1), False), (timedelta(days=1, microseconds=1), True)],
    ids=["after a day", "later"],
)
async def test_a_complete_plan_is_reused_for_a_day(harness: RunHarness, late: timedelta, is_refused: bool) -> None:
    await harness.fill([3])
    move(harness, ["ws-0-lead-000"])
    work = Backfilling(harness)
    plan, _ = await work.plan()
    harness.clock.at = plan.made_at + late

    if is_refused:
        with pytest.raises(RequestError, match="the plan plan-1 exists already"):
            await work.plan()
    else:
        assert (await work.plan())[0] == plan


async def test_a_limit_from_headers_is_stored_with_each_batch(harness: RunHarness) -> None:
    """Also where as many calls were made as were reserved, and nothing else is to be corrected."""
    limit = RateLimit(interval=timedelta(seconds=9), burst=3)
    await harness.fill([2])
    told = harness.ghl.usage
    harness.ghl.usage = lambda workspace: replace(told(workspace), limit=limit)  # type: ignore[method-assign]
    learned: list[RateLimit | None] = []

    async def settle(_key: str, *, usage: Usage, **_: Any) -> None:
        learned.append(usage.limit)

    store = harness.with_(budgets=Wrapped(harness.store.budgets, settle=settle))
    for _ in range(3):
        await harness.run(store=store)

    assert learned == [limit] * 3
