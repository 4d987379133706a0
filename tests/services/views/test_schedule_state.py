"""Status, the page and alerts judge the schedule alike, and never call silence health."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.alert import AlertPolicy, ConditionKind
from reconcile.domain.breaker.breaker import BreakerKey, BreakerPolicy, BreakerScope
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import ProviderName
from reconcile.domain.run.cadence import CadenceOverride, PlannedCadence
from reconcile.domain.run.punctuality import TICKS_NEEDED
from reconcile.domain.views.page import OverallStatus
from reconcile.errors import ErrorClass
from reconcile.ports import LeaseHolder
from tests.services.stub_store import NOW, Stub, healthy, run_row
from tests.services.views.test_status import tripped
from tests.use_cases import alerts_view, conditions, overview, page_facts

MINUTE = timedelta(minutes=1)
EACH_MINUTE = PlannedCadence(
    schedule="* * * * *", interval=MINUTE, past_ticks=tuple(NOW - number * MINUTE for number in range(TICKS_NEEDED))
)


async def schedule_state(stub: Stub, planned: PlannedCadence = EACH_MINUTE) -> tuple[OverallStatus, str, Sequence[str]]:
    """Return the standing, what status says, and the kinds of alert that hold, after checking that the page agrees."""
    store, breaker = stub.store(), BreakerPolicy()
    view = await overview(store, now=NOW, due=DuePolicy(), breaker=breaker, planned=planned)
    page = await page_facts(store, now=NOW, span=timedelta(days=1), due=DuePolicy(), breaker=breaker, planned=planned)
    true = await conditions(store, now=NOW, policy=AlertPolicy(), breaker=breaker, planned=planned)
    assert page.standing is view.standing
    return view.standing, view.verdict, [each.kind for each in true]


@pytest.mark.parametrize(
    ("minutes_ago", "standing", "text", "kinds"),
    [
        (0.9, OverallStatus.WELL, "the last finished run was healthy", []),
        (1.4, OverallStatus.ATTENTION, "late: the run due at", []),
        (3, OverallStatus.TROUBLE, "down: no run for 3m", [ConditionKind.NO_SUCCESSFUL_RUN]),
        (51, OverallStatus.TROUBLE, "down: no run for 51m", [ConditionKind.NO_SUCCESSFUL_RUN]),
        (180, OverallStatus.TROUBLE, "down: no run for 3h", [ConditionKind.NO_SUCCESSFUL_RUN]),
    ],
)
async def test_a_healthy_last_run_does_not_hide_that_no_run_followed(
    minutes_ago: float, standing: OverallStatus, text: str, kinds: Sequence[str]
) -> None:
    stub = Stub(runs=[run_row("run-1", minutes_ago=minutes_ago, report=healthy())])

    found = await schedule_state(stub)

    assert found[0] is standing
    assert found[1].startswith(text)
    assert found[2] == kinds


async def test_a_running_run_is_no_standstill() -> None:
    runs = [run_row("run-2", minutes_ago=5), run_row("run-1", minutes_ago=6, report=healthy())]
    held = {"run": LeaseHolder(holder="run-2", expires_at=NOW + MINUTE)}

    assert (await schedule_state(Stub(runs=runs, held=held)))[1:] == ("the last finished run was healthy", [])


async def test_a_lowered_cadence_is_no_standstill_and_its_end_restarts_the_count() -> None:
    override = CadenceOverride(
        every=timedelta(minutes=10), reason="r", actor="a", set_at=NOW - 30 * MINUTE, expires_at=NOW + MINUTE
    )
    stub = Stub(runs=[run_row("run-1", minutes_ago=9, report=healthy())])
    await stub.cadences.set(override)

    assert (await schedule_state(stub))[0] is OverallStatus.WELL
    stub.runs = [run_row("run-1", minutes_ago=16, report=healthy())]
    assert (await schedule_state(stub))[1].startswith("late")

    stub.runs = [run_row("run-1", minutes_ago=9, report=healthy())]
    await stub.cadences.set(replace(override, expires_at=NOW - MINUTE / 4))
    assert (await schedule_state(stub))[0] is OverallStatus.WELL


@pytest.mark.parametrize(
    ("parked", "total", "standing", "text"),
    [
        (1, 100, OverallStatus.ATTENTION, "parked: 1 of 100 workspaces; others are served"),
        (50, 100, OverallStatus.TROUBLE, "parked: 50 of 100 workspaces"),
        (10_000, 10_000, OverallStatus.TROUBLE, "parked: 10,000 of 10,000 workspaces"),
        (1, 1, OverallStatus.TROUBLE, "parked: 1 of 1 workspaces"),
    ],
)
async def test_a_majority_of_parked_workspaces_is_a_problem(
    parked: int, total: int, standing: OverallStatus, text: str
) -> None:
    keys = [BreakerKey(BreakerScope.WORKSPACE, f"ws-{number}") for number in range(parked)]
    breakers = {key: tripped(key, fault=ErrorClass.CREDENTIAL) for key in keys}
    runs = [run_row("run-1", minutes_ago=0.5, report=healthy(health="degraded"))]

    found = await schedule_state(Stub(breakers=breakers, runs=runs, workspace_count=total))

    assert found[:2] == (standing, text)


async def test_a_workspace_that_is_parked_at_both_providers_counts_once() -> None:
    keys = [BreakerKey(BreakerScope.WORKSPACE, f"ws-1/{provider}") for provider in ProviderName]
    breakers = {key: tripped(key, fault=ErrorClass.CREDENTIAL) for key in keys}
    runs = [run_row("run-1", minutes_ago=0.5, report=healthy(health="degraded"))]

    found = await schedule_state(Stub(breakers=breakers, runs=runs, workspace_count=3))

    assert found[:2] == (OverallStatus.ATTENTION, "parked: 1 of 3 workspaces; others are served")


async def test_the_list_of_alerts_includes_conditions_that_no_run_has_stored() -> None:
    store = Stub(runs=[run_row("run-1", minutes_ago=180, report=healthy())]).store()
    true = await conditions(store, now=NOW, policy=AlertPolicy(), breaker=BreakerPolicy(), planned=EACH_MINUTE)

    view = await alerts_view(store, notifier=None, conditions=true, now=NOW)

    assert [(each.kind, each.over_at) for each in view.alerts] == [(ConditionKind.NO_SUCCESSFUL_RUN, None)]
