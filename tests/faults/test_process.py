"""A process ends at each statement of its run: killed, told to end, out of memory; and ten run at once."""

import asyncio
import itertools
import os
import random
import signal
import time

import pytest

from tests import samples
from tests.faults.cgroup import bounded
from tests.faults.company import TRY_LATER, Scene
from tests.faults.proxy import Phase, a_proxy
from tests.faults.test_statements import length_of_a_run
from tests.integration.processes import LIMIT, Company, Ended, Reconciler
from tests.integration.test_processes_sigterm import BY_THE_SIGNAL, IN_TIME, TERMINATED, children
from tests.programs import skip_unless_it_runs

pytestmark = pytest.mark.integration

KILLED = {-signal.SIGKILL, 128 + signal.SIGKILL}
IN_ORDER = {"workspace_concurrency": "1", "lead_concurrency": "1"}
FIRST_PROCESS = ("unshare", "--pid", "--fork", "--kill-child")


async def commits_of_a_run(scene: Scene) -> list[int]:
    """Return at which exchanges a run over one workspace after the other makes its writes last."""
    async with scene.company(**IN_ORDER) as company, a_proxy(company.url) as proxy:
        assert (await (await company.start(database_url=proxy.url)).ended()).code == 0
        return [at for at, text in enumerate(proxy.statements, 1) if text.startswith(b"COMMIT")]


@samples.WHOLE
async def test_a_run_that_is_killed_at_any_commit_ends_as_an_undisturbed_one(scene: Scene, is_thorough: bool) -> None:
    """Just before, when all is written and nothing lasts, and just after, when it lasts and nobody knows."""
    commits = await commits_of_a_run(scene)
    points = list(itertools.product(commits, Phase))
    for at, phase in points if is_thorough else points[3 :: len(points) // 4]:
        async with scene.company(**IN_ORDER) as company, a_proxy(company.url) as proxy:
            started: list[Reconciler] = []

            async def kill(started: list[Reconciler] = started) -> None:
                await started[0].killed()

            proxy.cut(at, phase, deed=kill)
            started.append(await company.start(database_url=proxy.url))
            await started[0].process.wait()
            proxy.reset_all()
            await scene.ends_well(company)

            assert started[0].process.returncode in {0, *KILLED}
            assert started[0].process.returncode != 0 or proxy.exchanges < at


@samples.WHOLE
async def test_as_process_1_a_run_ends_in_time_after_two_signals(scene: Scene, is_thorough: bool) -> None:
    """At statements that are drawn; once it is told, the second signal follows at another one, or at once."""
    skip_unless_it_runs(*FIRST_PROCESS, "true", package="util-linux")
    chance = random.Random(1)
    length = await length_of_a_run(scene)
    for _ in range(20 if is_thorough else 1):
        first = chance.randint(10, length)
        second = first + chance.choice([0, 0, 1, 3, 10])
        async with scene.company() as company, a_proxy(company.url) as proxy:
            process = await company.start(prefix=FIRST_PROCESS, database_url=proxy.url)
            told_at: list[float] = []

            async def tell(process: Reconciler = process, told_at: list[float] = told_at) -> None:
                told_at.append(time.monotonic())
                os.kill(children(process.process.pid)[0], signal.SIGTERM)

            async def tell_twice(tell=tell, proxy=proxy, second=second) -> None:
                await tell()
                proxy.cut_at, proxy.deed = second, tell
                if second <= proxy.exchanges:
                    await tell()

            proxy.cut(first, deed=tell_twice)
            ended = await process.ended()
            took = time.monotonic() - told_at[0] if told_at else 0.0
            await scene.ends_well(company)

            assert took < IN_TIME
            assert "Traceback" not in ended.err
            # Told when the report was on its way out, or a shorter run than the measured one: it had ended.
            assert ended.code in {TERMINATED, BY_THE_SIGNAL, 0 if not told_at or first > length - 10 else TERMINATED}


@samples.WHOLE
async def test_after_two_signals_at_any_moment_a_run_ends_in_time_and_holds_no_lease(
    scene: Scene, is_thorough: bool
) -> None:
    """At instants that are drawn, from the interpreter's first steps to the report: also amid imports."""
    chance = random.Random(1)

    async def signal_twice(company: Company, first: float, pause: float) -> tuple[Ended, float]:
        process = await company.start()
        for wait in (first, pause):
            await asyncio.sleep(wait)
            process.send(signal.SIGTERM)
        told_at = time.monotonic()
        return await process.ended(), time.monotonic() - told_at + pause

    async with scene.company(hot_minutes="0") as company:
        began = time.monotonic()
        await (await company.start()).ended()
        length = time.monotonic() - began
        for _ in range(50 if is_thorough else 1):
            moments = [(chance.uniform(0, 1.1 * length), chance.choice([0, 0.01, 0.3])) for _ in range(2)]
            ends = await asyncio.gather(*(signal_twice(company, *each) for each in moments))

            assert {each.code for each, _ in ends} <= {0, TRY_LATER, TERMINATED, BY_THE_SIGNAL}, ends
            assert [each.err for each, _ in ends if "Traceback" in each.err] == []
            # Where it has not begun it says that it was told to end, where it has it reports; before that, neither.
            assert [each for each, _ in ends if each.code == TERMINATED and not each.out and not each.err] == []
            assert max(took for _, took in ends) < IN_TIME
            assert await company.held_leases() == []
        await scene.ends_well(company)


@samples.WHOLE
async def test_an_out_of_memory_kill_costs_no_more_than_a_run(scene: Scene) -> None:
    codes = []
    for limit in (30, 40, 50, 60):
        with bounded(limit) as prefix:
            if prefix is None:
                pytest.skip("this machine lets us make no control group of memory")
            async with scene.company() as company:
                ended = await (await company.start(prefix=prefix)).ended()
                codes.append(ended.code)
                await scene.ends_well(company)

    assert set(codes) <= {0, *KILLED}
    assert KILLED & set(codes), "none of the limits was too tight for a run"


@samples.WHOLE
async def test_each_of_ten_concurrent_runs_works_or_exits(scene: Scene) -> None:
    async with scene.company() as company:
        runs = [await company.start(*arguments) for arguments in itertools.islice(itertools.cycle(beside(company)), 10)]
        ends = await asyncio.gather(*(each.ended(within=3 * LIMIT) for each in runs))
        await scene.ends_well(company)

        assert {each.code for each in ends} <= {0, TRY_LATER}
        assert all("Traceback" not in each.err for each in ends)
        assert sum(each.code == 0 and each.report["leadsChecked"] > 0 for each in ends) >= 1


def beside(company: Company) -> list[tuple[str, ...]]:
    """Return runs that may meet: over everything, over one workspace, over a share."""
    chosen = [("run", "--workspace", each) for each in sorted(company.world.workspaces)]
    return [("run",), *chosen, ("run", "--shard", "0/2"), ("run", "--shard", "1/2")]
