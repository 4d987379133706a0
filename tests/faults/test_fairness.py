"""A tenth of the workspaces is never answered: the others are served as before, by a clock that nothing disturbs."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile.domain.breaker.breaker import BreakerScope
from reconcile.domain.evidence.bulk_listing import SweepCost
from reconcile.domain.ids import ProviderName
from reconcile.domain.run.report import RunReport
from tests import samples
from tests.faults.virtual_time import FarProvider, passing_hours
from tests.services.run_harness import open_harness
from tests.stores import sqlite_copy

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    """A company all of whose workspaces are due in each of so many runs; with *cost* its bookings are listed."""

    workspaces: int
    leads: int
    runs: int
    cost: SweepCost | None = None


COMPANIES = {
    "looked up": Large(workspaces=100, leads=4, runs=6),
    "listed": Large(workspaces=100, leads=20, runs=3, cost=SweepCost(fixed=3, lookup=1, past_lookup=1)),
    "five times as many": Large(workspaces=500, leads=4, runs=2),
}


async def p95_of_runs(
    url: str, monkeypatch: pytest.MonkeyPatch, *, company: Large, lost: set[str], served: set[str]
) -> tuple[Sequence[float], Sequence[RunReport]]:
    """Return for each run after how many seconds 95 % of the *served* workspaces had been, and all reports."""
    found = []
    with monkeypatch.context() as patch:
        async with passing_hours(patch) as hours, open_harness(url) as harness:
            far = {name: FarProvider(name, clock=hours) for name in ProviderName}
            harness.clock, harness.providers = hours, {**far}
            await harness.fill([company.leads] * company.workspaces)
            for provider in far.values():
                provider.lost, provider.cost = frozenset(lost), company.cost
            for _ in range(company.runs):
                began = hours.now()
                report = await harness.run(workspace_limit=company.workspaces, then=timedelta(0))
                batches = await harness.store.ledger.batches(run_id=report.run_id, limit=10 * company.workspaces)
                after = sorted(b.finished_at - began for b in batches if b.workspace_id in served)
                assert len(after) == len(served), "each that is well is served in each run"
                found.append(after[int(len(after) * 0.95)].total_seconds())
                hours.advance(max(timedelta(0), began + MINUTE - hours.now()))
            return found, harness.reports


@samples.cells(1)
@pytest.mark.parametrize("company", COMPANIES.values(), ids=COMPANIES)
async def test_timeouts_of_a_tenth_of_the_workspaces_do_not_delay_the_others(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, company: Large, is_thorough: bool
) -> None:
    """A stalled call releases its slot early (``lookup/concurrency.py``); its workspace is parked afterwards."""
    if company is not COMPANIES["looked up"] and not is_thorough:
        pytest.skip("make test-faults tries larger companies")
    everybody = [f"ws-{n}" for n in range(company.workspaces)]
    lost = set(random.Random(1).sample(everybody, company.workspaces // 10))
    served = set(everybody) - lost
    ends = []
    for name, gone in (("all well", set[str]()), ("a tenth lost", lost)):
        (tmp_path / name).mkdir()
        url = sqlite_copy(sqlite_template, tmp_path / name)
        ends.append(await p95_of_runs(url, monkeypatch, company=company, lost=gone, served=served))
    (control, _), (found, reports) = ends

    wide = [[str(b.key) for b in each.breakers if b.key.scope is not BreakerScope.WORKSPACE] for each in reports]
    assert wide == [[]] * company.runs
    parked = set(reports[-1].parked_workspaces)
    assert parked <= lost
    assert len(parked) >= 0.8 * len(lost)
    assert all(theirs <= 1.1 * ours for theirs, ours in zip(found, control, strict=True)), (found, control)
