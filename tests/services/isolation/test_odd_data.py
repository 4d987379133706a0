"""Records and addresses that are odd are set aside, and stop neither their provider nor anybody else."""

from datetime import timedelta

from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.run.report import Health
from reconcile.errors import ErrorClass
from tests import samples
from tests.services.fakes import a_workspace, failure
from tests.services.run_harness import RunHarness, tripped, unbooked

RUNS = 5


async def test_an_address_that_many_contacts_share_is_a_skip_and_opens_no_breaker(harness: RunHarness) -> None:
    """Of the leads of 6 of 20 workspaces."""
    workspaces = [f"ws-{number:02}" for number in range(20)]
    leads = [unbooked(f"{ws}-lead-{number}", ws) for ws in workspaces for number in range(3)]
    ambiguous = [each.id for each in leads if each.workspace_id in workspaces[:6]]
    await harness.seed([a_workspace(ws) for ws in workspaces], leads)
    harness.ghl.verdicts = dict.fromkeys(ambiguous, SkipReason.AMBIGUOUS_CONTACT)

    first = await harness.run()
    later = [await harness.run(then=timedelta(minutes=10)) for _ in range(3)]

    assert (first.skip_reasons[SkipReason.AMBIGUOUS_CONTACT], first.errors) == (18, 0)
    assert [tripped(report) for report in (first, *later)] == [{}] * 4
    assert [report.errors for report in later] == [0] * 3
    states = [await harness.state(each) for each in ambiguous]
    assert all(each.verified_at is None for each in states)


@samples.cells(1)
async def test_three_odd_records_among_400_leads_stop_nobody_for_35_minutes(harness: RunHarness) -> None:
    leads = await harness.fill([50] * 8)
    odd = [leads[0].id, leads[49].id, leads[130].id]
    harness.ghl.verdicts = dict.fromkeys(odd, failure(ErrorClass.CONTRACT))

    reports = [await harness.run(then=timedelta(minutes=7)) for _ in range(RUNS)]

    assert [tripped(report) for report in reports] == [{}] * RUNS
    assert [report.no_change for report in reports] == [397] * RUNS
    assert not any(report.health is Health.CIRCUIT_BROKEN for report in reports)
    states = [await harness.state(each) for each in odd]
    assert all(each.failure_count > 0 and each.next_attempt_at is not None for each in states), "they back off"
