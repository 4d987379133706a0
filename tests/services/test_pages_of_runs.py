"""What is looked for among the last runs is found behind many others, and on every place around the end of a page."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.alert import AlertPolicy, ConditionKind
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.due import DuePolicy
from reconcile.domain.lead import LeadState
from reconcile.domain.run.cadence import CadenceOverride, CadenceSource, PlannedCadence
from reconcile.domain.run.report import Trigger
from reconcile.ports import RunRow
from tests.domain.factories import a_lead
from tests.services.stub_store import NOW, Stub, healthy, run_row
from tests.use_cases import RunRequest, conditions, overview, wait_for

MINUTE = timedelta(minutes=1)
SHOWN, LOOKED_AT, SEARCHED = 10, 60, 500
"""Runs that the status shows, that alerts look at, and that both search for the last success."""
TICK = RunRequest(workspace_limit=10, leads_per_workspace=50, trigger=Trigger.SCHEDULE)
SCHEDULED = 50
"""Runs among which a tick looks for the schedule's last one."""


def failed(number: int) -> RunRow:
    report = healthy(success=False, health="unhealthy", errors=9)
    return run_row(f"failed-{number}", minutes_ago=number + 1, report=report)


def runs(failures: int) -> list[RunRow]:
    """Return so many failed runs, newest first, and behind them one that succeeded."""
    rows = [failed(number) for number in range(failures)]
    return [*rows, run_row("sound", minutes_ago=failures + 1, report=healthy())]


@pytest.mark.parametrize("failures", [0, 1, SHOWN - 1, SHOWN, SHOWN + 1, SEARCHED - 1, SEARCHED])
async def test_the_status_finds_the_last_success_behind_many_failures(failures: int) -> None:
    rows = runs(failures)
    stub = Stub(runs=rows)

    found = await overview(stub.store(), now=NOW, due=DuePolicy(), breaker=BreakerPolicy())

    assert found.last_success_at == (rows[-1].finished_at if failures < SEARCHED else None)
    assert [line.run_id for line in found.runs] == [row.run_id for row in rows[:SHOWN]]


@pytest.mark.parametrize("failures", [1, LOOKED_AT - 1, LOOKED_AT, LOOKED_AT + 1, SEARCHED - 1])
async def test_a_standstill_begins_at_the_last_success_behind_many_failures(failures: int) -> None:
    rows = runs(failures)
    store = Stub(runs=rows).store()
    policy = AlertPolicy(silence=timedelta(seconds=1))

    found = await conditions(store, now=NOW, policy=policy, breaker=BreakerPolicy(), planned=PlannedCadence())

    (since,) = [each.since for each in found if each.kind is ConditionKind.NO_SUCCESSFUL_RUN]
    assert since == rows[-1].finished_at


@pytest.mark.parametrize(("by_hand", "waits"), [(0, True), (1, True), (SCHEDULED - 1, True), (SCHEDULED, False)])
async def test_a_lowered_cadence_finds_the_last_scheduled_run_behind_manual_runs(by_hand: int, *, waits: bool) -> None:
    rows = [replace(run_row(f"by-hand-{n}", report=healthy()), trigger=Trigger.MANUAL) for n in range(by_hand)]
    last = replace(run_row("tick", minutes_ago=5, report=healthy()), trigger=Trigger.SCHEDULE)
    stub = Stub(runs=[*rows, last])
    stub.cadences.stored = CadenceOverride(
        every=timedelta(minutes=20),
        reason="quota",
        actor="ada",
        source=CadenceSource.COMMAND,
        set_at=NOW,
        expires_at=NOW + timedelta(hours=2),
    )

    found = await wait_for(TICK, store=stub.store(), now=NOW, is_automatic=False)

    assert (found is not None) is waits


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001])
async def test_the_status_counts_waiting_leads_up_to_a_thousand(count: int) -> None:
    aside = replace(a_lead("aside"), state=LeadState(quarantined_at=NOW))
    stub = Stub(quarantined=[aside] * count)

    found = await overview(stub.store(), now=NOW, due=DuePolicy(), breaker=BreakerPolicy())

    assert found.quarantined_count == min(count, 1000)
    told = [chore.text for chore in found.chores if "quarantined" in chore.text]
    leads = "1 lead" if count == 1 else f"{min(count, 1000)} leads"
    more = " or more" if count >= 1000 else ""
    assert told == ([f"quarantined after repeated failures: {leads}{more}"] if count else [])
