"""Each promise, broken by the program in a schedule in which that must show, however slow the machine is.

The nemesis (``test_nemesis.py``) finds most of them by chance; ``make test-faults`` lets it try.
"""

import random
from collections.abc import AsyncIterator, Mapping

import pytest

from tests import postgres, samples
from tests.faults.altered_command import NOTHING
from tests.faults.broken_promises import FOUND_OUT_BY, SIZE, UNHURRIED, Schedule
from tests.faults.history import faults_of, write_history
from tests.faults.proxy import a_proxy
from tests.faults.troubles import ProviderEventsWithoutDeletion, Stage
from tests.integration.processes import Company, one_company
from tests.samples import WHOLE

pytestmark = pytest.mark.integration

SAMPLE = ("forget_the_fence", "name_follow_ups_by_the_process")


@pytest.fixture
async def company(postgres_server: postgres.Server, postgres_template: str) -> AsyncIterator[Company]:
    """Give a company whose runs have all the time that they need."""
    url = postgres_server.create_database(template=postgres_template)
    async with one_company(url, size=SIZE) as company:
        company.settings |= UNHURRIED
        yield company
    postgres_server.drop_database(url)


async def faults_after(company: Company, *schedules: Schedule, broken: str) -> Mapping[str, object]:
    """Return what is wrong with all that was written, by the promise that it breaks."""
    await write_history(company)
    chance = random.Random(1)
    async with a_proxy(company.url) as proxy:
        for schedule in schedules:
            provider_events = ProviderEventsWithoutDeletion(company.world, chance)
            await schedule(
                Stage(
                    company=company,
                    proxy=proxy,
                    chance=chance,
                    provider_events=provider_events,
                    broken=broken,
                    is_plain=True,
                )
            )
    return await faults_of(company)


@pytest.mark.parametrize(
    "broken", [each if each in SAMPLE else pytest.param(each, marks=WHOLE) for each in FOUND_OUT_BY]
)
async def test_a_program_that_breaks_a_promise_is_detected(company: Company, broken: str) -> None:
    schedule, promise = FOUND_OUT_BY[broken]
    found = await faults_after(company, schedule, broken=broken)

    assert promise in found


@samples.WHOLE
async def test_the_unaltered_program_keeps_its_promises_in_each_schedule(company: Company, is_thorough: bool) -> None:
    schedules = dict.fromkeys(FOUND_OUT_BY[broken][0] for broken in (FOUND_OUT_BY if is_thorough else SAMPLE))

    assert await faults_after(company, *schedules, broken=NOTHING) == {}
