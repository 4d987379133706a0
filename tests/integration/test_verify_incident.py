"""The incident, and what verify says at each of its turns."""

from datetime import datetime, timedelta

import pytest

from reconcile.domain.verification.checklist import ChecklistStep, ClaimStep, RunStep, VerifiedStep
from reconcile.domain.verification.claim import Claim, Expected, Rate, Ruling, RulingReason, RulingStatus
from reconcile.simulator import Scenario, WorldSize, incident
from tests import samples
from tests.integration.simulated_company import SimulatedCompany, start_company
from tests.use_cases import Means, of_run, watch, work_through

pytestmark = pytest.mark.integration

MESSAGE = "GHL appointment response missing required ID field"
SIZE = WorldSize(workspaces=6, leads_per_workspace=8, calendly_share=0.0)


def means(company: SimulatedCompany) -> Means:
    async def run(request: object) -> object:
        return await company.tick(
            workspace_limit=request.workspace_limit,  # type: ignore[attr-defined]
            leads_per_workspace=request.leads_per_workspace,  # type: ignore[attr-defined]
            dry_run=request.dry_run,  # type: ignore[attr-defined]
        )

    def none(*_: object) -> None:
        raise AssertionError("no log is asked for")

    return Means(clock=company.clock, store=company.store, log_file=none, pods=none, run=run)  # type: ignore[arg-type]


def claim(since: datetime) -> Claim:
    return Claim(since=since, signatures=[(MESSAGE, Expected.GONE)], max_error_rate=Rate.parse("5/min"), min_checks=20)


async def verdict(company: SimulatedCompany, since: datetime) -> tuple[RulingStatus, RulingReason]:
    ruling = await watch(ClaimStep(claim=claim(since)), means(company))
    assert isinstance(ruling, Ruling)
    return ruling.word, ruling.why


async def broken(company: SimulatedCompany) -> datetime:
    """Let the incident begin, and return when that was."""
    await company.tick()
    began_at = company.clock.now()
    company.simulator.faults.add(*incident())
    for _ in range(3):
        await company.tick()
    return began_at


@samples.cells(1)
async def test_four_situations_have_four_verdicts(migrated_url: str) -> None:
    async with start_company(migrated_url, size=SIZE, mix={Scenario.CONFIRMED: 1}) as company:
        began_at = await broken(company)
        before_the_fix = await verdict(company, began_at)

        company.simulator.faults.clear()
        fixed_at = company.clock.now()
        company.clock.advance(timedelta(minutes=2))
        without_traffic = await verdict(company, fixed_at)

        for _ in range(5):
            await company.tick()
        fixed = await verdict(company, fixed_at)

        # The records lose their ids again, and the fix reaches all locations but one.
        await broken(company)
        company.simulator.faults.clear()
        some = next(iter(company.world.workspaces.values()))
        company.simulator.faults.add(*incident(workspace=some.id))
        half_fixed_at = company.clock.now()
        for _ in range(5):
            await company.tick()
        half_fixed = await verdict(company, half_fixed_at)

    assert before_the_fix == (RulingStatus.FAIL, RulingReason.STILL_SEEN)
    assert without_traffic == (RulingStatus.INCONCLUSIVE, RulingReason.TOO_FEW_CHECKS)
    assert fixed == (RulingStatus.PASS, RulingReason.AS_CLAIMED)
    assert half_fixed == (RulingStatus.FAIL, RulingReason.HALF_FIXED)


@samples.WHOLE
async def test_the_checklist_of_a_rollout_is_worked_through(migrated_url: str) -> None:
    async with start_company(migrated_url, size=SIZE, mix={Scenario.CONFIRMED: 1}) as company:
        began_at = await broken(company)
        company.simulator.faults.clear()
        fixed_at = company.clock.now()
        for _ in range(5):
            await company.tick()
        steps = [
            ChecklistStep(title="gone", what=ClaimStep(claim=claim(fixed_at))),
            ChecklistStep(title="dry run", what=RunStep(workspaces=1, leads_per_workspace=10, dry_run=True)),
            ChecklistStep(title="run", what=RunStep(workspaces=3, leads_per_workspace=25)),
            ChecklistStep(title="verified", what=VerifiedStep(since=began_at)),
            ChecklistStep(title="watch", what=ClaimStep(claim=claim(fixed_at), wait=timedelta(hours=24))),
        ]
        started_at = company.clock.now()

        results = await work_through(steps, means(company))

        assert {each.title: each.ruling.word for each in results} == dict.fromkeys(
            ["gone", "dry run", "run", "verified", "watch"], RulingStatus.PASS
        )
        assert company.clock.now() - started_at >= timedelta(hours=24)


async def test_after_a_failed_step_nothing_is_written_and_waiting_ends(migrated_url: str) -> None:
    async with start_company(migrated_url, size=SIZE, mix={Scenario.CONFIRMED: 1}) as company:
        began_at = await broken(company)
        steps = [
            ChecklistStep(title="gone", what=ClaimStep(claim=claim(began_at), wait=timedelta(hours=1))),
            ChecklistStep(title="run", what=RunStep(workspaces=3, leads_per_workspace=25)),
            ChecklistStep(title="verified", what=VerifiedStep(since=company.clock.now())),
            ChecklistStep(title="watch", what=ClaimStep(claim=claim(began_at), wait=timedelta(hours=24))),
        ]
        started_at, runs = company.clock.now(), len(company.reports)

        results = await work_through(steps, means(company))

        assert [(each.ruling.word, each.ruling.why) for each in results] == [
            (RulingStatus.FAIL, RulingReason.STILL_SEEN),
            (RulingStatus.INCONCLUSIVE, RulingReason.NOT_TRIED),
            (RulingStatus.FAIL, RulingReason.UNVERIFIED),
            (RulingStatus.INCONCLUSIVE, RulingReason.NOT_TRIED),
        ]
        assert (company.clock.now(), len(company.reports)) == (started_at, runs)


async def test_a_run_that_fails_is_no_clean_run(migrated_url: str) -> None:
    async with start_company(migrated_url, size=SIZE, mix={Scenario.CONFIRMED: 1}) as company:
        nothing = of_run(await company.tick(workspace_limit=0))
        company.simulator.faults.add(*incident())
        failed = of_run(await company.tick())

    assert (failed.word, failed.why) == (RulingStatus.FAIL, RulingReason.RUN_FAILED)
    assert MESSAGE in failed.text
    assert nothing.word is RulingStatus.INCONCLUSIVE
