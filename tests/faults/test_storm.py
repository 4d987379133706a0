"""All providers answer 503 for an hour: hardly anything is asked, and when it is over all goes on."""

from collections.abc import Sequence
from pathlib import Path

from reconcile.domain.breaker.control import ENOUGH
from reconcile.domain.ids import ProviderName
from reconcile.errors import ErrorClass
from tests.services.desk import Desk, at_desk
from tests.services.fakes import failure
from tests.stores import sqlite_copy

TICKS = 60
LEADS = 4
PROBES = 3
AT_ONCE = 4
"""Calls that are let through side by side before the first verdict, with those that the verdict takes."""


async def asked_in(desk: Desk, runs: int, *, workspaces: int) -> Sequence[int]:
    """Return how many leads each of some runs asked a provider about."""
    counts = []
    for _ in range(runs):
        before = len(desk.ghl.asked)
        await desk.run(workspace_limit=workspaces, leads_per_workspace=LEADS)
        counts.append(len(desk.ghl.asked) - before)
    return counts


async def test_a_storm_costs_probes_and_two_runs_after_it_all_is_as_before(
    sqlite_template: Path, tmp_path: Path, is_thorough: bool
) -> None:
    """A look-up here is one attempt there: no retry is made before a provider has answered once in a run."""
    workspaces = 500 if is_thorough else 60
    async with at_desk(sqlite_copy(sqlite_template, tmp_path)) as desk:
        await desk.fill([LEADS] * workspaces)
        (before,) = await asked_in(desk, 1, workspaces=workspaces)
        assert before == workspaces * LEADS
        for name, provider in desk.providers.items():
            provider.always = failure(ErrorClass.UNAVAILABLE, provider=ProviderName(name))
        storm = await asked_in(desk, TICKS, workspaces=workspaces)
        for provider in desk.providers.values():
            provider.always = None
        healed = await asked_in(desk, 3, workspaces=workspaces)

        assert storm[0] <= desk.policy.breaker.min_checks + AT_ONCE + ENOUGH  # controls, once (decision 0031)
        assert max(storm[1:]) <= PROBES
        assert sum(storm) <= 1.1 * storm[0] + PROBES * (TICKS - 1)
        assert healed[0] > 0, "probes"
        assert healed[1] >= 0.5 * before
        assert healed[2] >= 0.95 * before
        assert desk.reports[-1].errors == 0
