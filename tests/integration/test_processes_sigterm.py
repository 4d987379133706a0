"""SIGTERM to a real process: it ends in order within seconds, wherever it is, and says what it did."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from reconcile.simulator import ApiOperation, Fault, FaultKind
from tests import postgres, samples
from tests.integration.processes import LIMIT, Company, Ended, Reconciler, one_company
from tests.programs import skip_unless_it_runs

TERMINATED = 143
BY_THE_SIGNAL = -signal.SIGTERM
"""What others see as 143 too: the signal came once more when the interpreter was on its way out."""
IN_TIME = 12.0
"""Seconds that Kubernetes may be told to wait."""

pytestmark = pytest.mark.integration


@pytest.fixture
async def companies(
    postgres_server: postgres.Server, postgres_template: str
) -> AsyncIterator[Callable[[], Awaitable[Company]]]:
    """Give as many companies as a test wants, so that what takes seconds by design can be tried side by side."""
    urls: list[str] = []
    async with AsyncExitStack() as stack:

        async def another() -> Company:
            urls.append(postgres_server.create_database(template=postgres_template))
            return await stack.enter_async_context(one_company(urls[-1]))

        yield another
    for url in urls:
        postgres_server.drop_database(url)


@pytest.fixture
async def company(companies: Callable[[], Awaitable[Company]]) -> Company:
    return await companies()


async def is_ended_in_order(company: Company, ended: Ended) -> None:
    """Assert what holds for every run that was told to end."""
    assert ended.code in {TERMINATED, BY_THE_SIGNAL}, ended
    assert ended.report["stopped"] == "sigterm"
    assert "Traceback" not in ended.err
    assert await company.held_leases() == []
    await company.sessions(0)


def children(pid: int) -> list[int]:
    """Return the ids of a process's children."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def terminated(process: Reconciler) -> Ended:
    process.send(signal.SIGTERM)
    return await process.ended(within=IN_TIME)


async def test_calls_under_way_may_end_and_are_written(company: Company) -> None:
    company.simulator.faults.add(Fault(kind=FaultKind.HOLD))
    process = await company.start()
    await company.held()
    process.send(signal.SIGTERM)
    process.send(signal.SIGTERM)
    company.let_go()
    ended = await process.ended(within=IN_TIME)

    await is_ended_in_order(company, ended)
    assert ended.report["leadsChecked"] > 0
    stored = await company.database.fetchval("SELECT report FROM reconcile_run WHERE id = $1", ended.report["runId"])
    assert '"sigterm"' in stored


@samples.WHOLE
async def test_calls_that_do_not_end_are_canceled_and_left_for_the_next_run(
    companies: Callable[[], Awaitable[Company]],
) -> None:
    """Providers' and the webhook's alike. A second signal in between changes nothing."""

    async def at_a_provider(company: Company) -> None:
        company.simulator.faults.add(Fault(kind=FaultKind.BLACK_HOLE, workspace="ws-0001"))
        process = await company.start(workspace_concurrency="3")
        await company.asked(of=10)
        process.send(signal.SIGTERM)
        ended = await terminated(process)
        company.let_go()

        await is_ended_in_order(company, ended)
        assert ended.report["success"] is True
        assert ended.report["deferReasons"]["deadline"] > 0
        assert ended.report["errors"] == 0
        await company.settle()

    async def at_the_webhook(company: Company) -> None:
        company.receiver.is_shut = True
        process = await company.start()
        await asyncio.wait_for(company.receiver.until(1), LIMIT)
        ended = await terminated(process)
        await company.receiver.open()

        await is_ended_in_order(company, ended)
        assert ended.report["success"] is True
        assert ended.report["effectsPending"] > 0
        await company.settle()
        assert len({each.key for each in company.receiver.deliveries}) == len((await company.facts())["effects"])

    async with asyncio.TaskGroup() as group:
        for scene in (at_a_provider, at_the_webhook):
            group.create_task(scene(await companies()))


async def test_repeated_signals_do_not_cost_the_report(company: Company) -> None:
    """Whoever terminates us may be impatient: also while the report is on its way out."""
    company.simulator.faults.add(Fault(kind=FaultKind.HOLD))
    process = await company.start()
    await company.held()
    process.send(signal.SIGTERM)
    company.let_go()
    end = asyncio.create_task(process.ended(within=IN_TIME))
    while process.process.returncode is None and not end.done():
        process.send(signal.SIGTERM)
        await asyncio.sleep(0.0005)

    await is_ended_in_order(company, await end)


@samples.WHOLE
async def test_with_a_silent_database_a_run_still_ends(
    companies: Callable[[], Awaitable[Company]],
) -> None:
    async def before_it_has_a_lease(company: Company) -> None:
        async with company.locked("LOCK TABLE reconcile_lease IN EXCLUSIVE MODE"):
            process = await company.start()
            await company.waiting()
            ended = await terminated(process)

            await is_ended_in_order(company, ended)
        assert ended.report["success"] is False

    async def with_nothing_to_do(company: Company) -> None:
        await company.database.execute("DELETE FROM appointment")
        await company.database.execute("DELETE FROM lead")
        async with company.locked("LOCK TABLE reconcile_run IN EXCLUSIVE MODE"):
            process = await company.start()
            await company.waiting()
            ended = await terminated(process)

            await is_ended_in_order(company, ended)
        assert ended.report["success"] is False

    async def in_a_transaction(company: Company) -> None:
        before = await company.facts()
        async with company.locked("SELECT id FROM lead FOR UPDATE"):
            process = await company.start()
            await company.waiting()
            ended = await terminated(process)

            await is_ended_in_order(company, ended)
        assert (await company.facts(), await company.changes()) == (before, [])

    async with asyncio.TaskGroup() as group:
        for scene in (before_it_has_a_lease, with_nothing_to_do, in_a_transaction):
            group.create_task(scene(await companies()))


async def test_as_process_1_of_a_container_a_run_handles_the_signal(company: Company) -> None:
    """The kernel brings no default action to a process 1: without a handler of its own it would not notice."""
    prefix = ("unshare", "--pid", "--fork", "--kill-child")
    skip_unless_it_runs(*prefix, "true", package="util-linux")
    company.simulator.faults.add(Fault(kind=FaultKind.HOLD, operation=ApiOperation.GHL_APPOINTMENT))
    process = await company.start(prefix=prefix)
    await company.held()
    first = children(process.process.pid)[0]
    os.kill(first, signal.SIGTERM)
    company.let_go()

    await is_ended_in_order(company, await process.ended(within=IN_TIME))
