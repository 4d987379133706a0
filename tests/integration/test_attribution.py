"""One customer's trouble stays with it: the others are served in the same run, and it ends by itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerReason, BreakerScope
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.lead import Rollup
from reconcile.domain.run.report import Health, RunReport
from reconcile.simulator import Fault, FaultKind, GeneratedLead, Scenario, WorldSize
from tests import samples
from tests.integration.simulated_company import SimulatedCompany, of_workspace, start_company

pytestmark = pytest.mark.integration

FIFTY = WorldSize(workspaces=50, leads_per_workspace=8, calendly_share=0.0)
BAD, WORSE = WorkspaceId("ws-0000"), WorkspaceId("ws-0001")
MIX = {Scenario.CONFIRMED: 60, Scenario.SHOWED: 20, Scenario.RESCHEDULED: 20}
LONG_AFTER = timedelta(minutes=16)
"""Longer than the longest cooldown."""
MOST_CALLS_OF_A_LEAD = 3
"""The appointment by its id, its contact, and where that contact is gone too, the contacts by e-mail."""
FEW = 2
"""Leads of a healthy workspace that are due at each tick."""


def is_due(lead: GeneratedLead) -> bool:
    """All leads of the workspaces that will be in trouble, and a few of each other."""
    return lead.workspace_id in {BAD, WORSE} or int(lead.id[-5:]) < FEW


@asynccontextmanager
async def fifty(url: str) -> AsyncIterator[SimulatedCompany]:
    """Give fifty workspaces, of which the first in line is the one that will be in trouble."""
    async with start_company(url, size=FIFTY, mix=MIX, is_in_sequence=is_due) as company:
        yield company


def wide(report: RunReport) -> list[str]:
    """Return the breakers that stop more than one workspace."""
    return [str(b.key) for b in report.breakers if b.key.scope is not BreakerScope.WORKSPACE]


async def unserved(company: SimulatedCompany, *bad: WorkspaceId) -> list[str]:
    """Return the leads of the other workspaces that the last run left without an answer."""
    row = (await company.store.ledger.runs(limit=1))[0]
    leads = [await company.lead(each.id) for each in company.world.leads if is_due(each)]
    return [
        each.id
        for each in leads
        if each.workspace_id not in bad and (each.state.verified_at is None or each.state.verified_at < row.started_at)
    ]


async def rollups(company: SimulatedCompany, workspace_id: WorkspaceId) -> Sequence[Rollup]:
    return [(await company.lead(each.id)).rollup for each in of_workspace(company.world.leads, workspace_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """What is wrong with one workspace, and what is said of it."""

    kind: FaultKind
    reason: BreakerReason
    fault: str


AILMENTS = {
    "dead token": Ailment(kind=FaultKind.UNAUTHORIZED, reason=BreakerReason.ERROR_RATE, fault="credential"),
    "forbidden": Ailment(kind=FaultKind.FORBIDDEN, reason=BreakerReason.ERROR_RATE, fault="credential"),
    "nothing found": Ailment(kind=FaultKind.NOT_FOUND, reason=BreakerReason.ERROR_RATE, fault="rejected"),
    "black hole": Ailment(kind=FaultKind.BLACK_HOLE, reason=BreakerReason.ERROR_RATE, fault="timeout"),
    "no ids": Ailment(kind=FaultKind.MISSING_ID, reason=BreakerReason.CONTRACT_FAULT, fault="contract"),
    "refused": Ailment(kind=FaultKind.UNPROCESSABLE, reason=BreakerReason.ERROR_RATE, fault="rejected"),
}


@samples.cells(1)
@pytest.mark.parametrize("ailment", AILMENTS.values(), ids=AILMENTS)
async def test_a_bad_workspace_is_parked_alone_and_probed_and_comes_back(migrated_url: str, ailment: Ailment) -> None:
    async with fifty(migrated_url) as company:
        before = await rollups(company, BAD)
        company.impatient_with = frozenset({BAD} if ailment.kind is FaultKind.BLACK_HOLE else ())
        company.simulator.faults.add(Fault(kind=ailment.kind, workspace=BAD))

        first = await company.tick()

        assert await unserved(company, BAD) == []
        assert (wide(first), first.parked_workspaces) == ([], (BAD,))
        assert (first.circuit_broken, first.workspaces_processed) == (False, 50)
        assert first.health in {Health.DEGRADED, Health.UNHEALTHY}
        assert 0 < first.errors <= 8
        (breaker,) = first.breakers
        assert (breaker.reason, breaker.fault) == (ailment.reason, ailment.fault)

        probed = await company.tick()

        assert (wide(probed), probed.parked_workspaces, probed.errors) == ([], (BAD,), 1), probed.top_signatures
        assert probed.breakers[0].reason is BreakerReason.PROBE_FAILED
        assert 1 <= company.calls(BAD) <= MOST_CALLS_OF_A_LEAD
        assert await unserved(company, BAD) == []

        resting = await company.tick(then=LONG_AFTER)

        assert (wide(resting), resting.parked_workspaces, resting.errors) == ([], (BAD,), 0)
        assert company.calls(BAD) == 0
        assert await rollups(company, BAD) == before

        company.simulator.faults.clear()
        company.impatient_with = frozenset()
        healing = [await company.tick() for _ in range(3)]
        last = await company.tick()

        assert [each.errors for each in healing] == [0] * 3
        assert last.top_signatures == ()
        assert (wide(last), last.parked_workspaces, last.errors) == ([], (), 0)
        assert await unserved(company) == []


async def test_two_revoked_tokens_at_the_front_of_the_queue_stop_no_other(migrated_url: str) -> None:
    async with fifty(migrated_url) as company:
        company.simulator.faults.add(*(Fault(kind=FaultKind.UNAUTHORIZED, workspace=each) for each in (BAD, WORSE)))

        first = await company.tick()

        assert (wide(first), first.parked_workspaces) == ([], (BAD, WORSE))
        assert await unserved(company, BAD, WORSE) == []


@samples.cells(1)
@pytest.mark.parametrize("leads", [1, 4])
async def test_nothing_found_in_many_small_workspaces_cancels_nothing(migrated_url: str, leads: int) -> None:
    """A provider that has lost its records, or an address that leads elsewhere, is not a day of cancellations."""
    size = WorldSize(workspaces=12, leads_per_workspace=leads, calendly_share=0.0)
    async with start_company(migrated_url, size=size, mix={Scenario.CONFIRMED: 1}) as company:
        before = {i: each.rollup for i, each in (await company.leads()).items()}
        company.simulator.faults.add(Fault(kind=FaultKind.NOT_FOUND))

        reports = [await company.tick() for _ in range(6)]

        assert {i: each.rollup for i, each in (await company.leads()).items()} == before
        assert sum(each.canceled_found for each in reports) == 0
        assert reports[0].circuit_broken

        company.simulator.faults.clear()
        for _ in range(4):
            await company.tick()
        assert company.reports[-1].breakers == ()
        assert company.reports[-1].errors == 0
