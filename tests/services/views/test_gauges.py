"""The status as gauges: values, names that dashboards and rules use, and what is left out when it is unknown."""

from collections.abc import Mapping
from datetime import timedelta

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.domain.due import DuePolicy
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.views.gauge import Gauge
from reconcile.domain.views.page import OverallStatus
from tests.services.fakes import START
from tests.services.run_harness import RunHarness
from tests.services.stub_store import Stub
from tests.use_cases import Overview, overview, status_gauges, unreachable_gauges


async def view_of(harness: RunHarness) -> Overview:
    now = harness.clock.now()
    ticks = tuple(now - timedelta(minutes=minutes) for minutes in range(3))
    planned = PlannedCadence(interval=timedelta(minutes=1), past_ticks=ticks)
    return await overview(harness.store, now=now, due=DuePolicy(), breaker=BreakerPolicy(), planned=planned)


def by_name(gauges: tuple[Gauge, ...]) -> Mapping[str, Mapping[object, float]]:
    assert len({gauge.name for gauge in gauges}) == len(gauges)
    return {
        gauge.name: {tuple(dict(labels).values()): value for labels, value in gauge.values.items()} for gauge in gauges
    }


async def test_a_database_without_a_run_has_no_times_of_runs(harness: RunHarness) -> None:
    found = by_name(status_gauges(await view_of(harness), version="1.2.3"))

    assert found["reconcile_database_up"] == {(): 1}
    assert found["reconcile_build_info"] == {("1.2.3",): 1}
    assert found["reconcile_schedule"] == {("on_time",): 0, ("late",): 0, ("down",): 0, ("unknown",): 1}
    assert found["reconcile_breaker_state"] == {("run",): 0, ("provider:ghl",): 0, ("provider:calendly",): 0}
    assert not [name for name in found if name.startswith("reconcile_last_")]


async def test_a_run_sets_gauges_of_times_and_leads(harness: RunHarness) -> None:
    await harness.fill([3])
    await harness.run()
    view = await view_of(harness)
    found = by_name(status_gauges(view, version="1"))

    assert view.standing is OverallStatus.WELL
    assert found["reconcile_status"] == {("well",): 1, ("attention",): 0, ("trouble",): 0}
    assert found["reconcile_last_run_started_timestamp_seconds"] == {(): view.runs[0].started_at.timestamp()}
    assert found["reconcile_last_success_timestamp_seconds"] == {(): view.runs[0].finished_at.timestamp()}  # type: ignore[union-attr]
    assert found["reconcile_leads_due"] == {(): view.freshness.due}
    assert found["reconcile_schedule"][("on_time",)] == 1


async def test_open_breakers_and_parked_workspaces_are_counted() -> None:
    """A workspace that is parked at both providers counts once."""
    names = ("provider:ghl", "workspace:a/ghl", "workspace:a/calendly", "workspace:b")
    keys = [BreakerKey(BreakerScope(scope), name) for scope, name in (each.split(":") for each in names)]
    trip = Trip(reason=BreakerReason.CONTRACT_FAULT)
    stub = Stub(breakers={key: Breaker(key=key).trip(START, trip, policy=BreakerPolicy()) for key in keys})
    view = await overview(stub.store(), now=START, due=DuePolicy(), breaker=BreakerPolicy())
    found = by_name(status_gauges(view, version="1"))

    assert found["reconcile_breaker_state"] == {("run",): 0, ("provider:ghl",): 2, ("provider:calendly",): 0}
    assert found["reconcile_workspaces_parked"] == {(): 2}


def test_an_unreachable_database_sets_no_other_gauge() -> None:
    assert by_name(unreachable_gauges()) == {"reconcile_database_up": {(): 0}}
