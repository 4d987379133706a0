"""The database's connection breaks at each statement of a run: before it is done, and after, when nobody knows."""

import itertools
from collections.abc import Callable

import pytest

from tests import samples
from tests.faults.company import TRY_LATER, Scene, run_here
from tests.faults.proxy import Deed, Phase, Proxy, a_proxy
from tests.integration.processes import Company

SAMPLE = 4
"""How many points of a run are tried with every `make test`."""

pytestmark = pytest.mark.integration


async def length_of_a_run(scene: Scene) -> int:
    """Return how many exchanges with the database an undisturbed run makes."""
    async with scene.company() as company, a_proxy(company.url) as proxy:
        told = await run_here(company, url=proxy.url)
        assert told.code == 0
        return proxy.exchanges


def points(length: int, *, is_thorough: bool, offset: int = 0) -> list[int]:
    """Return the exchanges at which it happens: all, or a few spread over the run."""
    every = list(range(1, length + 1))
    step = length // SAMPLE
    return every if is_thorough else every[(7 * offset) % step :: step]


async def terminate(company: Company) -> None:
    """End the sessions as an administrator does."""
    await company.database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'reconcile'"
    )


BREAKS = "its connection is reset"
Way = Callable[[Company, Proxy], Deed | None]
WAYS: dict[str, Way] = {
    BREAKS: lambda *_: None,
    "all sessions are terminated": lambda company, _: lambda: terminate(company),
    "the database is gone": lambda _, proxy: proxy.go_away,
}


@samples.cells(1)
@pytest.mark.parametrize("way", WAYS)
async def test_a_fault_at_any_statement_costs_no_more_than_a_run(scene: Scene, way: str, is_thorough: bool) -> None:
    length = await length_of_a_run(scene)
    chosen = points(length, is_thorough=is_thorough, offset=list(WAYS).index(way))
    # Whether a statement was done matters where its own connection breaks; else what comes after it is the next one.
    phases = list(Phase) if way == BREAKS else [Phase.ASKED]
    for at, phase in itertools.product(chosen, phases):
        async with scene.company() as company, a_proxy(company.url) as proxy:
            proxy.cut(at, phase, deed=WAYS[way](company, proxy))
            told = await run_here(company, url=proxy.url)
            await scene.ends_well(company)

            where = (at, phase, proxy.statements[at - 1 : at])
            assert told.code in {0, TRY_LATER}, (told, where)
            assert proxy.cut_at is None or proxy.exchanges < at, "it came to pass, or the run was shorter this time"
