"""All providers answer 503 for an hour: hardly anything is asked, and when it is over all goes on."""

from collections.abc import Sequence
from pathlib import Path

from reconcile.domain.breaker.control import ENOUGH
from reconcile.domain.ids import ProviderName
from reconcile.errors import ErrorClass
from tests import samples
from tests.services.fakes import failure
from tests.services.run_harness import RunHarness, open_harness
from tests.stores import sqlite_copy

TICKS = 60
LEADS = 4
PROBES = 3
AT_ONCE = 4
"""Calls that are let through side by side before the first verdict, with those that the verdict takes."""


async def asked_in(harness: RunHarness, runs: int, *, workspaces: int) -> Sequence[int]:
    """Return how many leads each of some runs asked a provider about."""
    counts = []
    for _ in range(runs):
        before = len(harness.ghl.asked)
        await harness.run(workspace_limit=workspaces, leads_per_workspace=LEADS)
        counts.append(len(harness.ghl.asked) - before)
    return counts


@samples.WHOLE
async def test_a_storm_of_faults_costs_probes_and_two_runs_later_all_is_normal(
    sqlite_template: Path, tmp_path: Path, is_thorough: bool
) -> None:
    """A look-up here is one attempt there: no retry is made before a provider has answered once in a run."""
    workspaces = 500 if is_thorough else 60
    async with open_harness(sqlite_copy(sqlite_template, tmp_path)) as harness:
        await harness.fill([LEADS] * workspaces)
        (before,) = await asked_in(harness, 1, workspaces=workspaces)
        assert before == workspaces * LEADS
        for name, provider in harness.providers.items():
            provider.always = failure(ErrorClass.UNAVAILABLE, provider=ProviderName(name))
        storm = await asked_in(harness, TICKS, workspaces=workspaces)
        for provider in harness.providers.values():
            provider.always = None
        healed = await asked_in(harness, 3, workspaces=workspaces)

        assert storm[0] <= harness.policy.breaker.min_checks + AT_ONCE + ENOUGH  # controls, once (decision 0031)
        assert max(storm[1:]) <= PROBES
        assert sum(storm) <= 1.1 * storm[0] + PROBES * (TICKS - 1)
        assert healed[0] > 0, "probes"
        assert healed[1] >= 0.5 * before
        assert healed[2] >= 0.95 * before
        assert harness.reports[-1].errors == 0
