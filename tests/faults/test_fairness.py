"""A tenth of the workspaces is never answered: the others are served as before, by a clock that nothing disturbs."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile.domain.breaker import BreakerScope
from reconcile.domain.ids import ProviderName
from reconcile.domain.report import RunReport
from tests.faults.hours import FarProvider, passing_hours
from tests.runner.desk import Desk, at_desk
from tests.stores import sqlite_copy

WORKSPACES, LEADS, RUNS = 100, 4, 6
LOST = frozenset(f"ws-{n}" for n in range(0, WORKSPACES, 10))
MINUTE = timedelta(minutes=1)


async def p95_of_runs(
    url: str, monkeypatch: pytest.MonkeyPatch, *, lost: frozenset[str]
) -> tuple[Sequence[float], Sequence[RunReport], Desk]:
    """Return for each run after how many seconds 95 % of the workspaces that are well had been served."""
    found = []
    with monkeypatch.context() as patch:
        async with passing_hours(patch) as hours, at_desk(url) as desk:
            far = {name: FarProvider(name, clock=hours) for name in ProviderName}
            desk.clock, desk.providers = hours, {**far}
            await desk.fill([LEADS] * WORKSPACES)
            for provider in far.values():
                provider.lost = lost
            for _ in range(RUNS):
                began = hours.now()
                report = await desk.run(workspace_limit=WORKSPACES, then=timedelta(0))
                batches = await desk.store.ledger.batches(run_id=report.run_id, limit=10 * WORKSPACES)
                served = sorted(b.finished_at - began for b in batches if b.workspace_id not in LOST)
                assert len(served) == WORKSPACES - len(LOST), "each that is well is served in each run"
                found.append(served[int(len(served) * 0.95)].total_seconds())
                hours.advance(max(timedelta(0), began + MINUTE - hours.now()))
            return found, desk.reports, desk


async def test_what_a_tenth_waits_for_in_vain_costs_the_others_nothing(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in ("all well", "a tenth lost")]
    for folder in folders:
        folder.mkdir()
    urls = [sqlite_copy(sqlite_template, folder) for folder in folders]
    control, _, _ = await p95_of_runs(urls[0], monkeypatch, lost=frozenset())
    found, reports, _ = await p95_of_runs(urls[1], monkeypatch, lost=LOST)

    assert [[str(b.key) for b in each.breakers if b.key.scope is not BreakerScope.WORKSPACE] for each in reports] == [
        []
    ] * RUNS
    assert set(reports[-1].parked_workspaces) == LOST
    # The first run is where it is found out: those that wait keep places until they are parked.
    assert all(theirs <= 1.1 * ours for theirs, ours in zip(found[1:], control[1:], strict=True)), (found, control)
