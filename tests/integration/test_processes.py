"""Several processes on one PostgreSQL, killed, stopped, overtaken and continued: no effect is lost, none is doubled.

What happens in a round is drawn from a seed: where the process is halted (a provider's answer, somebody else's lock, a
delivery) and what becomes of it. ``make test`` makes four rounds, ``make test-faults`` one with each pair of them;
``RECONCILE_TEST_PROCESS_ROUNDS=50`` makes more, ``RECONCILE_TEST_PROCESS_SEED=7`` others.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from reconcile.simulator import Fault, FaultKind, WorldSize
from tests import postgres, samples
from tests.integration.processes import MIX, Company, Reconciler, a_company, a_simulator
from tests.integration.receiver import a_receiver

ROUNDS = int(os.environ.get("RECONCILE_TEST_PROCESS_ROUNDS", "0"))
SEED = int(os.environ.get("RECONCILE_TEST_PROCESS_SEED", "1"))
SIZE = WorldSize(workspaces=4, leads_per_workspace=24, mix=MIX)
FEW = "5"
"""Leads a workspace and run: the work lasts for all rounds."""
TABLES = ("reconcile_run", "reconcile_workspace_state", "reconcile_change", "reconcile_outbox", "appointment")

pytestmark = pytest.mark.integration


# --- where a process is halted -----------------------------------------------------------------------------------


@asynccontextmanager
async def at_a_provider(company: Company, chance: random.Random) -> AsyncIterator[Reconciler]:
    """Halt it while a lead of some workspace is asked about, others are done or wait."""
    workspace = chance.choice(sorted(company.world.workspaces))
    company.simulator.faults.add(Fault(kind=FaultKind.HOLD, workspace=workspace, share=chance.choice((0.3, 1.0))))
    process = await company.start(leads_per_workspace=FEW)
    await either(company.held(), process)
    try:
        yield process
    finally:
        company.let_go()


@asynccontextmanager
async def in_a_transaction(company: Company, chance: random.Random) -> AsyncIterator[Reconciler]:
    """Halt it inside a transaction: something is written already, something is not."""
    async with company.locked(f"LOCK TABLE {chance.choice(TABLES)} IN EXCLUSIVE MODE"):
        process = await company.start(leads_per_workspace=FEW)
        await either(company.waiting(), process)
        yield process


@asynccontextmanager
async def in_a_delivery(company: Company, chance: random.Random) -> AsyncIterator[Reconciler]:
    """Halt it when the receiver has got a follow-up and has not confirmed it."""
    company.receiver.is_shut = True
    process = await company.start(leads_per_workspace=FEW)
    await either(company.receiver.until(len(company.receiver.deliveries) + 1), process)
    try:
        yield process
    finally:
        await company.receiver.open()


async def either(point: Awaitable[None], process: Reconciler) -> None:
    """Wait until the process is at the point, or has ended without coming by."""
    waits = [asyncio.ensure_future(point), asyncio.ensure_future(process.process.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


TRY_LATER = 75
"""How a run ends that meets rows which another transaction does not let go."""


# --- what becomes of it ------------------------------------------------------------------------------------------


async def is_killed(company: Company, process: Reconciler) -> Callable[[], Awaitable[None]]:
    """Kill it; nothing of it is left to be seen to."""
    await process.killed()

    async def nothing() -> None:
        await company.expire_leases()

    return nothing


async def is_stopped(company: Company, process: Reconciler) -> Callable[[], Awaitable[None]]:
    """Stop it beyond its lease, let another one do all the work, and let it go on: it writes nothing any more."""
    process.send(signal.SIGSTOP)

    async def overtaken() -> None:
        await company.expire_leases()
        runner = await company.run(leads_per_workspace=FEW)
        if runner.code == TRY_LATER:  # the stopped one holds rows in a transaction: a later run finds it given up
            await company.give_up_silent_sessions()
            await company.expire_leases()
            runner = await company.run(leads_per_workspace=FEW)
        assert (runner.code, runner.report["stopped"]) == (0, None), runner
        before = await company.facts(), await company.changes()
        process.send(signal.SIGCONT)
        zombie = await process.ended()
        assert (await company.facts(), await company.changes()) == before
        # Try later: it was stopped inside a transaction, which the database has given up in the meantime.
        assert zombie.code in {0, 1, TRY_LATER}, zombie
        if zombie.code == 1:
            assert (zombie.report["stopped"], zombie.report["success"]) == ("lease_lost", False), zombie

    return overtaken


async def is_overtaken(company: Company, process: Reconciler) -> Callable[[], Awaitable[None]]:
    """Let it lose its lease while it works, and another one work beside it."""
    await company.expire_leases()
    other = await company.start(leads_per_workspace=FEW)

    async def both() -> None:
        ends = await asyncio.gather(process.ended(), other.ended())
        assert all(each.code in {0, 1, TRY_LATER} for each in ends), ends

    return both


async def is_left_alone(company: Company, process: Reconciler) -> Callable[[], Awaitable[None]]:
    """Start another one beside it, which finds the lease held and leaves."""
    if process.process.returncode is None:
        beside = await company.run()
        assert (beside.code, beside.report["stopped"]) == (0, "lease_held"), beside

    async def ended() -> None:
        assert (await process.ended()).code == 0

    return ended


Halt = Callable[[Company, random.Random], AbstractAsyncContextManager[Reconciler]]
Fate = Callable[[Company, Reconciler], Awaitable[Callable[[], Awaitable[None]]]]
HALTS: tuple[Halt, ...] = (at_a_provider, in_a_transaction, in_a_delivery)
FATES: tuple[Fate, ...] = (is_killed, is_stopped, is_overtaken, is_left_alone)


def drawn(chance: random.Random, count: int) -> Iterator[tuple[Halt, Fate]]:
    """Yield so many halts with their fates: every pair once before any comes again."""
    pairs = [(halt, fate) for halt in HALTS for fate in FATES]
    # Who is halted in a transaction holds its lease's row, whatever happens: that has a test of its own.
    pairs = [(halt, fate) for halt, fate in pairs if halt is not in_a_transaction or fate is is_killed]
    for number in range(count):
        if number % len(pairs) == 0:
            chance.shuffle(pairs)
        yield pairs[number % len(pairs)]


# --- the tests ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def pair(postgres_server: postgres.Server, postgres_template: str) -> AsyncIterator[tuple[Company, Company]]:
    """Give two companies at one simulator that begin alike: one to be disturbed, one to be left in peace."""
    first = postgres_server.create_database(template=postgres_template)
    async with (
        a_simulator(seed=SEED, size=SIZE) as simulator,
        a_receiver() as one,
        a_receiver() as two,
        a_company(first, simulator=simulator, receiver=one) as disturbed,
    ):
        second = await disturbed.copied(postgres_server)
        async with a_company(second, simulator=simulator, receiver=two, is_seeded=True) as peaceful:
            yield disturbed, peaceful
    for url in (first, second):
        postgres_server.drop_database(url)


@samples.SAMPLED
async def test_after_any_fault_of_processes_the_end_state_is_that_of_an_undisturbed_run(
    pair: tuple[Company, Company], is_thorough: bool
) -> None:
    disturbed, peaceful = pair
    chance = random.Random(f"rounds-{SEED}")
    rounds = ROUNDS or (9 if is_thorough else 4)
    halted = 0
    for halt, fate in drawn(chance, rounds):
        await disturbed.rest()
        async with halt(disturbed, chance) as process:
            halted += process.process.returncode is None
            rest = await fate(disturbed, process)
        await rest()
    await disturbed.expire_leases()
    await disturbed.settle()
    await peaceful.settle()

    facts = await disturbed.facts()
    assert facts == await peaceful.facts()
    assert {each.key for each in disturbed.receiver.deliveries} == {row[0] for row in facts["effects"]}
    bodies = {(each.key, each.body) for each in disturbed.receiver.deliveries}
    assert len(bodies) == len(facts["effects"]), "a repeated delivery says the same as the first"
    assert Counter(await disturbed.changes()) == Counter(await peaceful.changes())
    assert await disturbed.held_leases() == []
    assert halted > rounds / 2, "most of them were where they were to be when it happened"
