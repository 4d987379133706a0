"""SIGTERM while calls are under way: what was begun ends or is put off, leases are given back, the report says why."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from reconcile.domain.planning.outcome import DeferReason
from reconcile.domain.run.report import Health, RunReport
from reconcile.domain.run.stop_reason import StopReason
from tests.services.fakes import FakeSink
from tests.services.run_harness import RunHarness, Wrapped
from tests.timeouts import HUNG
from tests.use_cases import STOP_GRACE, RunPolicy


@asynccontextmanager
async def under_way(harness: RunHarness, *, calls: int) -> AsyncIterator["asyncio.Task[RunReport]"]:
    """Give a run of which *calls* calls are under way and get no answer."""
    harness.clock.is_hasty = False
    harness.ghl.gate.clear()
    task = asyncio.create_task(harness.run(then=timedelta(0)))
    async with asyncio.timeout(HUNG):
        while harness.ghl.under_way < calls:
            harness.ghl.arrived.clear()
            await harness.ghl.arrived.wait()
        yield task
        if not task.done():
            await task


async def settle() -> None:
    """Let every task run until it waits for the clock or for an answer."""
    for _ in range(20):
        await asyncio.sleep(0)


async def leases(harness: RunHarness) -> list[str]:
    return list(await harness.store.leases.held())


async def test_calls_that_end_in_the_grace_are_written_and_no_new_ones_start(harness: RunHarness) -> None:
    await harness.fill([3, 3, 3])
    harness.policy = RunPolicy(workspace_concurrency=2)
    async with under_way(harness, calls=2) as task:
        harness.stop.terminate()
        await settle()
        harness.ghl.gate.set()
        report = await task

    assert (report.stopped, report.health) == ("sigterm", Health.DEGRADED)
    assert len(harness.ghl.asked) == 2
    assert report.leads_checked == 2
    assert report.defer_reasons == {DeferReason.DEADLINE: 4}
    assert (report.workspaces_processed, report.eligible_but_unvisited) == (2, 1)
    assert await leases(harness) == []


async def test_calls_that_do_not_end_are_canceled_after_the_grace(harness: RunHarness) -> None:
    await harness.fill([3, 3])
    async with under_way(harness, calls=2) as task:
        harness.stop.terminate()
        await settle()
        harness.clock.advance(STOP_GRACE - timedelta(milliseconds=1))
        await settle()
        was_done = task.done()
        harness.clock.advance(timedelta(milliseconds=1))
        report = await task

    assert not was_done
    assert (report.stopped, report.leads_checked, report.errors) == ("sigterm", 0, 0)
    assert report.defer_reasons == {DeferReason.DEADLINE: 6}
    assert await leases(harness) == []
    assert (await harness.state("ws-0-lead-000")).verified_at is None
    row = (await harness.store.ledger.runs(limit=1))[0]
    assert row.report is not None
    assert row.report["stopped"] == "sigterm"


async def test_the_next_run_continues_a_stopped_one(harness: RunHarness) -> None:
    leads = await harness.fill([4, 4])
    async with under_way(harness, calls=2) as task:
        harness.stop.terminate()
        await settle()
        harness.clock.advance(STOP_GRACE)
        await task
    harness.clock.advance(timedelta(minutes=1))
    harness.ghl.asked.clear()
    harness.ghl.gate.set()

    report = await harness.run()

    assert (report.leads_checked, report.stopped) == (8, None)
    assert set(harness.ghl.asked) == {each.id for each in leads}


@pytest.mark.parametrize("reason", ["sigterm", "deadline"])
async def test_a_stopped_run_delivers_no_follow_up(harness: RunHarness, reason: str) -> None:
    await harness.fill([1])
    harness.sink = FakeSink()
    async with under_way(harness, calls=1) as task:
        harness.stop.terminate() if reason == "sigterm" else harness.stop.request(StopReason(reason))
        harness.ghl.gate.set()
        report = await task

    assert (report.stopped, harness.sink.delivered) == (reason, [])


async def test_sigterm_before_the_first_call_ends_at_once(harness: RunHarness) -> None:
    await harness.fill([2])
    begin = harness.store.ledger.begin_run

    async def begin_and_stop(*what: object, **facts: object) -> None:
        harness.stop.terminate()
        await begin(*what, **facts)  # type: ignore[arg-type]

    report = await harness.run(store=harness.with_(ledger=Wrapped(harness.store.ledger, begin_run=begin_and_stop)))

    assert (report.stopped, harness.ghl.asked) == ("sigterm", [])
    assert await leases(harness) == []
