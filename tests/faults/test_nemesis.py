"""Everything at once, drawn from a seed, for a minute; then the promises of the README are held against what happened.

``RECONCILE_TEST_NEMESIS_SECONDS=1800`` lets it go on for half an hour, ``RECONCILE_TEST_NEMESIS_SEED=7`` draws others.
"""

import asyncio
import itertools
import os
import random
import re
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from reconcile import bootstrap
from reconcile.domain.ids import LeadId
from tests import postgres, samples
from tests.faults.altered_command import NOTHING
from tests.faults.broken_promises import FOUND_OUT_BY, SIZE, UNHURRIED, let_time_pass
from tests.faults.company import settle_here
from tests.faults.history import faults_of, write_history
from tests.faults.proxy import Proxy, a_proxy
from tests.faults.troubles import ProviderEventsWithoutDeletion, Stage, draw_troubles
from tests.integration.processes import SECRET, Company, Ended, one_company
from tests.integration.test_truth import deviation

SECONDS = os.environ.get("RECONCILE_TEST_NEMESIS_SECONDS")
SEED = int(os.environ.get("RECONCILE_TEST_NEMESIS_SEED", "1"))
BUDGET = 12
"""Seconds of a run."""
MOST_CALLS_OF_A_LEAD = 4
FEWEST, MOST_ROUNDS = 3, 400
"""Rounds: at least, however slow the machine is; and in which a broken promise must be found: 20 do mostly."""
NOT_BY_CHANCE = frozenset({"name_follow_ups_by_the_process"})
"""Promises that no fault drawn here breaks: the same follow-up is due twice only if somebody resets the lead's row."""
OFTEN = 0.7
"""How often so much time has passed since the last round that all breakers are closed and all leads due again."""
CODES = {0, 1, 75, 143, -signal.SIGTERM, -signal.SIGKILL}
pytestmark = pytest.mark.integration


@pytest.fixture
async def company(postgres_server: postgres.Server, postgres_template: str) -> AsyncIterator[Company]:
    url = postgres_server.create_database(template=postgres_template)
    limits = {"run_budget_seconds": str(BUDGET), "attempt_timeout_seconds": "1"}
    async with one_company(url, seed=SEED, size=SIZE, **limits) as company:
        yield company
    postgres_server.drop_database(url)


async def a_round(stage: Stage) -> list[Ended]:
    """Let one or two runs meet what is drawn; return how they and what came beside them ended."""
    stage.running.clear()
    if stage.chance.random() < OFTEN:
        await let_time_pass(stage.company)
    for _ in range(stage.chance.randint(1, 2)):
        await stage.begin()
    async with AsyncExitStack() as troubles:
        for trouble in draw_troubles(stage.chance):
            await troubles.enter_async_context(trouble(stage))
        await asyncio.wait(
            [asyncio.create_task(each.process.wait()) for each in stage.running], timeout=stage.chance.uniform(0.5, 3)
        )
    return list(await asyncio.gather(*(each.ended() for each in stage.running)))


async def rage(
    company: Company, proxy: Proxy, *, seconds: float, fewest: int, broken: str = NOTHING
) -> tuple[Stage, list[Ended]]:
    """Make rounds for so long, *fewest* at least, and hold what is written against the promises after each."""
    await write_history(company)
    chance = random.Random(SEED)
    until = time.monotonic() + seconds
    ends: list[Ended] = []
    stage = Stage(
        company=company,
        proxy=proxy,
        chance=chance,
        provider_events=ProviderEventsWithoutDeletion(company.world, chance),
        broken=broken,
    )
    for number in itertools.count():
        ends += await a_round(stage)
        found = await faults_of(company)
        assert not found, found
        if number >= fewest and time.monotonic() >= until:
            return stage, ends
    raise AssertionError("numbers have come to an end")


@pytest.mark.parametrize("broken", [each for each in FOUND_OUT_BY if each not in NOT_BY_CHANCE])
async def test_random_faults_reveal_a_broken_promise(company: Company, broken: str, is_thorough: bool) -> None:
    """What it says of the program as it is would else be worth nothing."""
    if not is_thorough:
        pytest.skip("make test-faults tries it; test_found_out.py does in schedules that lead there")
    _, promise = FOUND_OUT_BY[broken]
    async with a_proxy(company.url) as proxy:
        with pytest.raises(AssertionError, match=re.escape(promise)):
            await rage(company, proxy, seconds=0, fewest=MOST_ROUNDS, broken=broken)


@samples.WHOLE
async def test_the_promises_hold_under_random_faults(company: Company, is_thorough: bool) -> None:
    seconds = float(SECONDS) if SECONDS else 60 if is_thorough else 5
    async with a_proxy(company.url) as proxy:
        stage, ends = await rage(company, proxy, seconds=seconds, fewest=FEWEST)
    asked, changed = company.simulator.requests.total, len(await company.changes())
    company.settings |= UNHURRIED
    await let_time_pass(company)
    await settle_here(company, most=12)
    settled, delivered = await company.facts(), len(company.receiver.deliveries)
    await let_time_pass(company)
    await settle_here(company, most=1)

    # Idempotent: looking again changes nothing and tells nobody anything.
    assert (await company.facts(), len(company.receiver.deliveries)) == (settled, delivered)
    # It loses nothing, wherever it crashed: the database says what the providers say, and each follow-up is delivered.
    assert await deviations(company, stage.provider_events) == {}
    assert {each.key for each in company.receiver.deliveries} == {row[0] for row in settled["effects"]}
    assert len({(each.key, each.body) for each in company.receiver.deliveries}) == len(settled["effects"])
    # One effective writer, and nothing newer overwritten.
    assert await faults_of(company) == {}
    assert changed > len(ends), "there was something to do in between"
    # Bounded: each process ended in its time and as it should, and asked no more than it may.
    assert {each.code for each in ends} <= CODES, [each for each in ends if each.code not in CODES]
    assert asked <= len(ends) * len(company.world.leads) * MOST_CALLS_OF_A_LEAD
    assert await company.held_leases() == []
    # No secret and no personal data in any output.
    assert told_secrets(company, ends) == set()
    assert [each.err for each in ends if "Traceback" in each.err] == []


async def deviations(company: Company, provider_events: ProviderEventsWithoutDeletion) -> dict[str, str]:
    """Return the leads of which the database does not say what is true, each with why."""
    async with bootstrap.open_database_url(company.url) as store:
        found = {}
        for each in company.world.leads:
            lead = await store.leads.lead(LeadId(each.id))
            assert lead is not None
            if why := deviation(each, lead, provider_events.truths[each.id]):
                found[each.id] = why
        return found


def told_secrets(company: Company, ends: Sequence[Ended]) -> set[str]:
    """Return the secrets and personal data that some output holds."""
    world = company.world
    tokens = {t for each in world.workspaces.values() for t in (each.location_token, each.calendly_token)}
    people = {word for each in world.leads for word in (each.email, each.name)}
    outputs = "\n".join(each.out + each.err for each in ends)
    return {word for word in {SECRET, *tokens, *people} if word and word in outputs}
