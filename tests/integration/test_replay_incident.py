"""The incident, recorded as it was and replayed: the trip that happened, and what other thresholds would have cost."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerPolicy, BreakerReason
from reconcile.domain.replay.result import ReplayResult
from reconcile.domain.retry_state import BackoffPolicy
from reconcile.drill.incident import DrillPlan
from reconcile.ports import Store
from reconcile.simulator import Scenario, WorldSize, incident
from tests import samples
from tests.integration.simulated_company import START, start_company
from tests.use_cases import ReplayRequest, RunPolicy, replay_breakers

pytestmark = pytest.mark.integration
IN_FORCE = BreakerPolicy()
PATIENT = replace(IN_FORCE, contract_faults=20, min_checks=40)
PLAN = DrillPlan(workspaces=6, leads_per_workspace=10, breaks_at=3, broken_ticks=4, ticks=8)
BROKEN = range(PLAN.breaks_at, PLAN.breaks_at + PLAN.broken_ticks)
REAL_ERRORS = IN_FORCE.contract_faults + IN_FORCE.probes * (PLAN.broken_ticks - 1)
"""What the incident costs under the thresholds in force, but for the calls in flight."""
IN_FLIGHT = 8
MIX = {Scenario.CONFIRMED: 60, Scenario.CANCELED: 15, Scenario.SHOWED: 10, Scenario.RESCHEDULED: 15}
NEVER = BackoffPolicy(base=timedelta(0), quarantine_after=1_000_000)


@dataclass(frozen=True, kw_only=True)
class Played:
    errors: int
    calls: int
    results: tuple[ReplayResult, ...]


async def played(url: str, policy: BreakerPolicy, *replayed_with: BreakerPolicy) -> Played:
    """Let the incident happen under *policy*, and replay it."""
    size = WorldSize(workspaces=PLAN.workspaces, leads_per_workspace=PLAN.leads_per_workspace, calendly_share=0.0)
    async with start_company(url, size=size, mix=MIX) as company:
        company.policy = RunPolicy(breaker=policy, backoff=NEVER)
        company.sweeps = False
        for number in range(1, PLAN.ticks + 1):
            company.simulator.faults.clear()
            if number in BROKEN:
                company.simulator.faults.add(*incident())
            await company.tick()
        results = [await replayed(company.store, each) for each in replayed_with]
        errors = sum(each.errors for each in company.reports)
        return Played(errors=errors, calls=results[0].totals.calls, results=tuple(results))


async def replayed(store: Store, policy: BreakerPolicy) -> ReplayResult:
    until = START + timedelta(hours=1)
    return await replay_breakers(
        store.ledger, ReplayRequest(since=START, until=until, policy=policy, in_force=IN_FORCE)
    )


def errors_left(result: ReplayResult) -> int:
    return result.totals.errors - result.totals.saved_errors


@samples.cells(1)
async def test_a_replay_with_the_present_thresholds_has_the_actual_trip(migrated_url: str) -> None:
    happened = await played(migrated_url, IN_FORCE, IN_FORCE, PATIENT)

    same, patient = happened.results

    assert same.replayed == same.happened
    (trip,) = [each for each in same.happened if each.breaker == "provider:ghl"]
    assert (trip.run_id, trip.reason) == ("tick-003", BreakerReason.CONTRACT_FAULT)
    assert trip.errors >= IN_FORCE.contract_faults
    assert (same.totals.saved_calls, same.totals.unknown_calls, same.totals.unknown_runs) == (0, 0, 0)
    assert errors_left(same) == happened.errors
    # Of what more patient breakers would have let pass in the broken runs, nothing is known, and nothing is made up.
    assert [each for each in patient.replayed if each.breaker == "provider:ghl"] == []
    assert patient.totals.saved_errors == 0
    assert patient.totals.unknown_runs == len(BROKEN) + len(IN_FORCE.ramp)
    assert patient.totals.unknown_calls > 0


async def test_a_replay_of_shadow_runs_predicts_the_cost_of_each_policy(migrated_url: str) -> None:
    """The same incident twice: once in shadow mode, where all calls are made, and once under each policy in truth."""
    shadow = await played(migrated_url, replace(IN_FORCE, is_enforced=False), IN_FORCE, PATIENT)

    in_force, patient = shadow.results

    assert shadow.errors == in_force.totals.errors == PLAN.workspaces * PLAN.leads_per_workspace * len(BROKEN)
    assert (in_force.totals.shadow_runs, in_force.totals.unknown_calls, in_force.totals.unknown_runs) == (
        PLAN.ticks,
        0,
        0,
    )
    (early,) = [each for each in in_force.replayed if each.breaker == "provider:ghl"]
    (late,) = [each for each in patient.replayed if each.breaker == "provider:ghl"]
    assert (early.run_id, late.run_id) == ("tick-003", "tick-003")
    assert IN_FORCE.contract_faults <= early.after_calls < PATIENT.contract_faults <= late.after_calls
    assert abs(errors_left(in_force) - REAL_ERRORS) <= IN_FLIGHT
    assert errors_left(patient) >= errors_left(in_force) + PATIENT.contract_faults - IN_FLIGHT


async def test_a_replay_with_stricter_thresholds_equals_a_run_with_them(migrated_url: str) -> None:
    patient = await played(migrated_url, PATIENT, PATIENT, IN_FORCE)

    same, stricter = patient.results

    assert same.replayed == same.happened
    assert errors_left(same) == patient.errors >= PATIENT.contract_faults
    assert stricter.totals.saved_errors >= PATIENT.contract_faults - IN_FORCE.contract_faults - IN_FLIGHT
    assert abs(errors_left(stricter) - REAL_ERRORS) <= IN_FLIGHT
