"""Whom a run visits where it may not visit all: nobody's trouble takes the places of others."""

from datetime import timedelta

from reconcile.domain.breaker.breaker import RUN_KEY, Breaker, BreakerReason, Trip
from reconcile.domain.ids import ProviderName
from reconcile.errors import ErrorClass
from tests.domain.factories import NOW
from tests.services.breaker_registries import CALENDLY, GHL_KEY, POLICY, a_registry, admit_and_record, states
from tests.services.fakes import a_workspace, failure
from tests.services.run_harness import RunHarness, unbooked
from tests.use_cases import select_workspaces

GHL_ONLY = [a_workspace(f"a-{n:02}", ProviderName.HIGHLEVEL) for n in range(8)]
CALENDLY_ONLY = [a_workspace(f"b-{n:02}", ProviderName.CALENDLY) for n in range(4)]


async def test_an_outage_of_one_provider_does_not_delay_workspaces_of_the_other(harness: RunHarness) -> None:
    leads = [unbooked(f"{w.id}-{n}", w.id) for w in (*GHL_ONLY, *CALENDLY_ONLY) for n in range(3)]
    await harness.seed([*GHL_ONLY, *CALENDLY_ONLY], leads)
    harness.ghl.always = failure(ErrorClass.UNAVAILABLE)
    calendly = harness.providers[ProviderName.CALENDLY]
    while "provider:ghl" not in [str(b.key) for b in (await harness.run(workspace_limit=4)).breakers]:
        assert len(harness.reports) < 5
    for _ in range(6):  # they were visited once: from now on all of GHL's are longer unvisited
        calendly.asked.clear()
        await harness.run(workspace_limit=4)

        assert len({lead_id[:4] for lead_id in calendly.asked}) >= 2


async def test_workspaces_of_a_provider_that_is_held_open_take_no_place(harness: RunHarness) -> None:
    await harness.seed([*GHL_ONLY, *CALENDLY_ONLY], [unbooked(f"{w.id}-0", w.id) for w in (*GHL_ONLY, *CALENDLY_ONLY)])
    later = Trip(reason=BreakerReason.MANUAL_TRIP)
    breaker = Breaker(key=GHL_KEY).trip(harness.clock.now() + timedelta(hours=1), later, policy=POLICY)
    await harness.store.breakers.save(breaker, expected_generation=0)

    report = await harness.run(workspace_limit=4)

    assert (report.workspaces_processed, report.eligible_but_unvisited) == (4, 8)
    assert harness.ghl.asked == []


def test_a_few_places_go_to_probes_and_the_order_is_kept() -> None:
    workspaces = [*GHL_ONLY, *CALENDLY_ONLY, a_workspace("c", *ProviderName)]

    def chosen(limit: int, **probes_only: int) -> list[str]:
        given = {ProviderName(name): count for name, count in probes_only.items()}
        return [w.id for w in select_workspaces(workspaces, limit=limit, probes_only=given)]

    assert chosen(3) == ["a-00", "a-01", "a-02"]
    assert chosen(6, ghl=3) == ["a-00", "a-01", "a-02", "b-00", "b-01", "b-02"]
    assert chosen(3, ghl=3) == ["a-00", "b-00", "b-01"]
    assert chosen(9, ghl=0) == ["b-00", "b-01", "b-02", "b-03", "c"]
    assert chosen(9, ghl=0, calendly=2) == ["b-00", "b-01"]


def test_the_only_visited_workspace_of_a_provider_cannot_open_its_breaker() -> None:
    registry = a_registry(1, is_partial=True)
    contract = sum(admit_and_record(registry, 0, ErrorClass.CONTRACT, lookup=CALENDLY) for _ in range(10))
    assert (contract, states(registry)) == (2, {"workspace:ws-0/calendly": "open"})

    registry = a_registry(1, is_partial=True)
    for _ in range(10):
        admit_and_record(registry, 0, ErrorClass.TIMEOUT, lookup=CALENDLY)
    assert states(registry) == {"workspace:ws-0/calendly": "open"}
    assert not registry.is_broken(NOW)
    assert registry.breaker(RUN_KEY).generation == 0


async def test_one_workspaces_failures_open_no_wider_breaker_in_small_runs(harness: RunHarness) -> None:
    workspaces = [a_workspace(f"a-{n:02}", ProviderName.CALENDLY) for n in range(4)]
    leads = [unbooked(f"{w.id}-{n}", w.id) for w in workspaces for n in range(8)]
    await harness.seed(workspaces, leads)
    broken = failure(ErrorClass.TIMEOUT, provider=ProviderName.CALENDLY)
    harness.providers[ProviderName.CALENDLY].verdicts = {
        x.id: broken for x in leads if x.workspace_id == workspaces[0].id
    }

    reports = [await harness.run(workspace_limit=1) for _ in range(8)]

    assert not any(report.circuit_broken for report in reports)
    assert sum(report.no_change for report in reports) >= 6 * 8
