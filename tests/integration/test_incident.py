"""The incident and its relatives, tick by tick: few errors, few calls, nothing wrong written, quick recovery."""

import copy
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerScope
from reconcile.domain.run.report import Health
from reconcile.drill.incident import DrillPlan, DrillResult, drill
from reconcile.simulator import Api, Fault, FaultKind, Scenario, WorldSize
from reconcile.simulator.ghl.state import GhlState
from tests import samples
from tests.integration.simulated_company import start_company

pytestmark = pytest.mark.integration

TRIPS_AFTER = 3
"""Contract faults that open a provider's breaker."""
PROBES = 3
MOST_ERRORS = 13
"""Two workspaces' 5 checks each, the first of a third, and 2 calls in flight (decision 0031)."""
MOST_CALLS_OF_A_LEAD = 3
"""The appointment by its id, its contact, and where that contact is gone too, the contacts by e-mail."""
SMALL = DrillPlan(workspaces=6, leads_per_workspace=8, breaks_at=3, broken_ticks=4, ticks=11, latency=timedelta(0))


async def drilled(plan: DrillPlan) -> DrillResult:
    return DrillResult(ticks=tuple([tick async for tick in drill(plan)]), plan=plan)


async def test_the_incident_costs_a_few_errors_and_recovery_is_automatic() -> None:
    plan = DrillPlan(ticks=21)

    result = await drilled(plan)

    tripping = result.ticks[plan.breaks_at - 1].report
    assert tripping.calls_under_way_at_trip is not None
    assert tripping.errors <= TRIPS_AFTER + tripping.calls_under_way_at_trip
    assert tripping.errors <= 8
    assert tripping.top_signatures[0].key == (
        "ghl/appointment/contract: GHL appointment response missing required ID field"
    )
    assert result.max_calls_per_tick_while_open <= PROBES
    assert result.wrong_writes == 0
    assert result.ticks_to_recover is not None
    assert result.ticks_to_recover <= 3
    assert result.starved_leads == 0
    assert [tick.report.circuit_broken for tick in result.ticks] == [tick.is_broken for tick in result.ticks]
    assert result.ticks[-1].report.health is Health.HEALTHY


def everywhere(kind: FaultKind, value: str | float | None = None) -> tuple[Fault, ...]:
    return (Fault(kind=kind, value=value, api=Api.GHL),)


BREAKAGES = {
    "503 everywhere": everywhere(FaultKind.SERVER_ERROR, 503),
    "a page instead of JSON": everywhere(FaultKind.HTML, 200),
    "a gateway's page": everywhere(FaultKind.HTML, 502),
    "cut JSON": everywhere(FaultKind.CUT_JSON),
    "truncated bodies": everywhere(FaultKind.TRUNCATE),
    "empty bodies": everywhere(FaultKind.EMPTY_BODY),
    "401 for all": everywhere(FaultKind.UNAUTHORIZED),
    "404 for all": everywhere(FaultKind.NOT_FOUND),
    "resets": everywhere(FaultKind.RESET),
    "422 for all": everywhere(FaultKind.UNPROCESSABLE),
    "ids that are null": everywhere(FaultKind.MISSING_ID, "null"),
    "no start times": everywhere(FaultKind.MISSING_FIELD, "startTime"),
    "a redirect": everywhere(FaultKind.REDIRECT),
}


@samples.cells(2)
@pytest.mark.parametrize("faults", BREAKAGES.values(), ids=BREAKAGES)
async def test_under_any_fault_errors_are_bounded_and_no_write_is_wrong(faults: tuple[Fault, ...]) -> None:
    plan = replace(SMALL, faults=lambda: faults)

    result = await drilled(plan)

    tripping = result.ticks[plan.breaks_at - 1].report
    assert tripping.circuit_broken
    assert tripping.errors <= MOST_ERRORS
    assert result.max_calls_per_tick_while_open <= MOST_CALLS_OF_A_LEAD * PROBES
    assert (result.wrong_writes, result.starved_leads) == (0, 0)
    assert sum(tick.report.canceled_found for tick in result.ticks[2:]) == 0
    assert result.ticks_to_recover is not None
    assert result.ticks_to_recover <= 3
    last = result.ticks[-1].report
    assert [b for b in last.breakers if b.key.scope is not BreakerScope.WORKSPACE] == []


def without_appointments(whole: GhlState) -> GhlState:
    """Return the same locations and contacts, and no appointment."""
    state = copy.copy(whole)
    state.appointments = {}
    state._appointments_by_contact = defaultdict(list)
    state._appointments_by_location = defaultdict(list)
    return state


@samples.cells(1)
@pytest.mark.parametrize("told_as", ["404", "400", "empty_object", "null"])
async def test_a_provider_that_has_lost_its_records_cancels_nothing(migrated_url: str, told_as: str) -> None:
    """Asked by id it knows nothing, and the lists of contacts are empty: every word of it could be true."""
    size = WorldSize(workspaces=6, leads_per_workspace=8, calendly_share=0.0)
    async with start_company(migrated_url, size=size, mix={Scenario.CONFIRMED: 1}) as company:
        await company.tick()
        before = {i: each.rollup for i, each in (await company.leads()).items()}
        whole = company.world.ghl
        company.world.ghl = without_appointments(whole)
        company.simulator.faults.add(Fault(kind=FaultKind.UNKNOWN_ID, value=told_as))

        lost = [await company.tick() for _ in range(5)]

        assert {i: each.rollup for i, each in (await company.leads()).items()} == before
        assert all(each.circuit_broken for each in lost)
        assert sum(each.errors for each in lost) <= MOST_ERRORS + 4 * PROBES

        company.world.ghl = whole
        company.simulator.faults.clear()
        healed = [await company.tick() for _ in range(4)]
        assert (healed[-1].leads_checked, healed[-1].errors, healed[-1].breakers) == (48, 0, ())
        assert {i: each.rollup for i, each in (await company.leads()).items()} == before
