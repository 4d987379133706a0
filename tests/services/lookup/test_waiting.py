"""Nothing done is nothing to be proud of: a run that finds everybody waiting for a provider's limit is not healthy."""

from datetime import timedelta

from reconcile.domain.run.report import Health
from reconcile.errors import ErrorClass
from tests.services.fakes import failure
from tests.services.run_harness import RunHarness


async def test_a_run_with_only_waiting_workspaces_is_not_healthy(harness: RunHarness) -> None:
    await harness.fill([2, 2])
    harness.ghl.always = failure(ErrorClass.RATE_LIMITED)  # for 90 s

    limited, waiting = await harness.run(), await harness.run()

    assert (limited.health, limited.deferred) == (Health.DEGRADED, 4)
    assert (waiting.health, waiting.deferred) == (Health.DEGRADED, 0)
    assert "wait for their providers' limits: 2" in " ".join(waiting.health_reasons)

    harness.ghl.always = None
    assert (await harness.run()).health is Health.HEALTHY
    assert (await harness.run()).health is Health.HEALTHY


async def test_a_run_with_nothing_due_is_healthy(harness: RunHarness) -> None:
    assert (await harness.run()).health is Health.HEALTHY


async def test_a_run_with_nothing_due_for_long_after_a_clock_error_is_not_healthy(harness: RunHarness) -> None:
    await harness.fill([2])
    await harness.run(then=timedelta(days=365))
    await harness.run(then=timedelta(days=-365))

    report = await harness.run()

    assert (report.leads_checked, report.health) == (0, Health.DEGRADED)
    assert "by a clock that is or was wrong" in report.health_reasons[0]
