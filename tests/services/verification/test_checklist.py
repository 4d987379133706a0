"""Working through a checklist: what a step comes to, and what is still begun after one that has not passed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.run.report import RunReport
from reconcile.domain.verification.checklist import ChecklistStep, ClaimStep, RunStep, VerifiedStep
from reconcile.domain.verification.claim import Claim, RulingReason, RulingStatus
from reconcile.errors import RequestError
from tests import samples
from tests.services.fakes import START
from tests.services.run_harness import RunHarness
from tests.use_cases import Means, RunRequest, work_through

LOOK = ClaimStep(claim=Claim(since=START, min_checks=1))
NOTHING_TO_SEE = ClaimStep(claim=Claim(since=START, min_checks=1_000_000))
DAY = ClaimStep(claim=Claim(since=START), wait=timedelta(days=1))
DRY, REAL = (RunStep(workspaces=1, leads_per_workspace=10, dry_run=is_dry) for is_dry in (True, False))


async def rulings(
    harness: RunHarness, *steps: ClaimStep | RunStep | VerifiedStep, fails: bool = False
) -> list[tuple[RulingStatus, RulingReason]]:
    """Return what each step came to; runs are the harness's own."""

    async def run(request: RunRequest) -> RunReport:
        if fails:
            raise RequestError("there is no workspace gone")
        return await harness.run(workspace_limit=request.workspace_limit, then=timedelta(0))

    def none(*_: object) -> None:
        raise AssertionError("asked for something else")

    means = Means(
        clock=harness.clock,
        store=harness.store,
        log_file=none,  # type: ignore[arg-type]
        pods=none,  # type: ignore[arg-type]
        run=run,
    )
    results = await work_through([ChecklistStep(title="a", what=each) for each in steps], means)
    return [(each.ruling.word, each.ruling.why) for each in results]


async def test_a_store_without_bookings_is_inconclusive(harness: RunHarness) -> None:
    assert await rulings(harness, VerifiedStep(since=START)) == [
        (RulingStatus.INCONCLUSIVE, RulingReason.TOO_FEW_CHECKS)
    ]


async def test_all_leads_with_a_booking_must_be_verified(harness: RunHarness) -> None:
    await harness.fill([5])
    before = await rulings(harness, VerifiedStep(since=START))
    await harness.run()
    after = await rulings(harness, VerifiedStep(since=START), VerifiedStep(since=harness.clock.now()))

    assert before == [(RulingStatus.FAIL, RulingReason.UNVERIFIED)]
    assert after == [(RulingStatus.PASS, RulingReason.AS_CLAIMED), (RulingStatus.FAIL, RulingReason.UNVERIFIED)]


async def test_a_run_right_after_the_schedules_is_repeated_until_leads_are_due(harness: RunHarness) -> None:
    await harness.fill([5])
    await harness.run(then=timedelta(0))
    found = await rulings(harness, REAL)

    assert found == [(RulingStatus.PASS, RulingReason.AS_CLAIMED)]
    assert harness.reports[1].leads_checked == 0
    assert timedelta(0) < harness.clock.now() - START <= timedelta(minutes=1)


async def test_a_run_with_nothing_due_is_inconclusive_and_ends(harness: RunHarness) -> None:
    found = await rulings(harness, REAL)

    assert found == [(RulingStatus.INCONCLUSIVE, RulingReason.TOO_FEW_CHECKS)]
    assert timedelta(minutes=1) < harness.clock.now() - START < timedelta(minutes=2)


async def test_waiting_ends_when_the_verdict_cannot_change(harness: RunHarness) -> None:
    """What one step leaves open no watch can settle; runs say something for themselves."""
    await harness.fill([5])
    found = await rulings(harness, NOTHING_TO_SEE, REAL, DAY)

    assert found[0] == (RulingStatus.INCONCLUSIVE, RulingReason.TOO_FEW_CHECKS)
    assert found[1] == (RulingStatus.PASS, RulingReason.AS_CLAIMED)
    assert found[2] == (RulingStatus.INCONCLUSIVE, RulingReason.NOT_TRIED)
    assert harness.clock.now() < START + timedelta(hours=1)


@samples.WHOLE
async def test_after_all_steps_have_passed_the_watch_continues(harness: RunHarness) -> None:
    await harness.fill([5])
    await harness.run()
    found = await rulings(harness, LOOK, replace(DAY, claim=LOOK.claim))

    assert [word for word, _ in found] == [RulingStatus.PASS, RulingStatus.PASS]
    assert harness.clock.now() > START + timedelta(days=1)


@pytest.mark.parametrize("what", [DRY, REAL])
async def test_a_step_that_cannot_run_is_reported_in_its_position(harness: RunHarness, what: RunStep) -> None:
    assert await rulings(harness, what, LOOK, fails=True) == [
        (RulingStatus.INCONCLUSIVE, RulingReason.UNANSWERED),
        (RulingStatus.INCONCLUSIVE, RulingReason.TOO_FEW_CHECKS),
    ]


async def test_after_a_failed_step_nothing_is_written(harness: RunHarness) -> None:
    await harness.fill([5])
    found = await rulings(harness, VerifiedStep(since=START), REAL, DAY, DRY)

    assert [why for _, why in found] == [
        RulingReason.UNVERIFIED,
        RulingReason.NOT_TRIED,
        RulingReason.NOT_TRIED,
        RulingReason.AS_CLAIMED,
    ]
