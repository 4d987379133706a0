"""SIGTERM while calls are under way: what was begun ends or is put off, leases are given back, the report says why."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from reconcile.domain.outcome import DeferReason
from reconcile.domain.run.report import Health, RunReport
from reconcile.domain.run.stop_reason import StopReason
from tests.patience import HUNG
from tests.services.desk import Desk, Wrapped
from tests.services.fakes import FakeSink
from tests.use_cases import STOP_GRACE, RunPolicy


@asynccontextmanager
async def under_way(desk: Desk, *, calls: int) -> AsyncIterator["asyncio.Task[RunReport]"]:
    """Give a run of which *calls* calls are under way and get no answer."""
    desk.clock.is_hasty = False
    desk.ghl.gate.clear()
    task = asyncio.create_task(desk.run(then=timedelta(0)))
    async with asyncio.timeout(HUNG):
        while desk.ghl.under_way < calls:
            desk.ghl.arrived.clear()
            await desk.ghl.arrived.wait()
        yield task
        if not task.done():
            await task


async def settle() -> None:
    """Let every task run until it waits for the clock or for an answer."""
    for _ in range(20):
        await asyncio.sleep(0)


async def leases(desk: Desk) -> list[str]:
    return list(await desk.store.leases.held())


async def test_calls_that_end_in_time_are_written_and_no_new_ones_begun(desk: Desk) -> None:
    await desk.fill([3, 3, 3])
    desk.policy = RunPolicy(workspace_concurrency=2)
    async with under_way(desk, calls=2) as task:
        desk.stop.terminate()
        await settle()
        desk.ghl.gate.set()
        report = await task

    assert (report.stopped, report.health) == ("sigterm", Health.DEGRADED)
    assert len(desk.ghl.asked) == 2
    assert report.leads_checked == 2
    assert report.defer_reasons == {DeferReason.DEADLINE: 4}
    assert (report.workspaces_processed, report.eligible_but_unvisited) == (2, 1)
    assert await leases(desk) == []


async def test_calls_that_do_not_end_are_cut_off_after_the_grace(desk: Desk) -> None:
    await desk.fill([3, 3])
    async with under_way(desk, calls=2) as task:
        desk.stop.terminate()
        await settle()
        desk.clock.advance(STOP_GRACE - timedelta(milliseconds=1))
        await settle()
        was_done = task.done()
        desk.clock.advance(timedelta(milliseconds=1))
        report = await task

    assert not was_done
    assert (report.stopped, report.leads_checked, report.errors) == ("sigterm", 0, 0)
    assert report.defer_reasons == {DeferReason.DEADLINE: 6}
    assert await leases(desk) == []
    assert (await desk.state("ws-0-lead-000")).verified_at is None
    row = (await desk.store.ledger.runs(limit=1))[0]
    assert row.report is not None
    assert row.report["stopped"] == "sigterm"


async def test_the_next_run_goes_on_where_a_stopped_one_ended(desk: Desk) -> None:
    leads = await desk.fill([4, 4])
    async with under_way(desk, calls=2) as task:
        desk.stop.terminate()
        await settle()
        desk.clock.advance(STOP_GRACE)
        await task
    desk.clock.advance(timedelta(minutes=1))
    desk.ghl.asked.clear()
    desk.ghl.gate.set()

    report = await desk.run()

    assert (report.leads_checked, report.stopped) == (8, None)
    assert set(desk.ghl.asked) == {each.id for each in leads}


@pytest.mark.parametrize("reason", ["sigterm", "deadline"])
async def test_a_stopped_run_delivers_no_follow_up(desk: Desk, reason: str) -> None:
    await desk.fill([1])
    desk.sink = FakeSink()
    async with under_way(desk, calls=1) as task:
        desk.stop.terminate() if reason == "sigterm" else desk.stop.request(StopReason(reason))
        desk.ghl.gate.set()
        report = await task

    assert (report.stopped, desk.sink.delivered) == (reason, [])


async def test_sigterm_before_the_first_call_ends_at_once(desk: Desk) -> None:
    await desk.fill([2])
    begin = desk.store.ledger.begin_run

    async def begun(*what: object, **facts: object) -> None:
        desk.stop.terminate()
        await begin(*what, **facts)  # type: ignore[arg-type]

    report = await desk.run(store=desk.with_(ledger=Wrapped(desk.store.ledger, begin_run=begun)))

    assert (report.stopped, desk.ghl.asked) == ("sigterm", [])
    assert await leases(desk) == []
