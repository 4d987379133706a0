"""Odd records, failing customers and failing providers are told apart by a control: who is well is served."""

from collections.abc import Sequence

import pytest

from reconcile.domain.breaker.breaker import BreakerState
from reconcile.domain.ids import LeadId, ProviderName
from reconcile.domain.lead import Lead
from reconcile.errors import ErrorClass
from tests.samples import covering
from tests.services.fakes import a_workspace, failure
from tests.services.run_harness import RunHarness, tripped, unbooked

ODD = failure(ErrorClass.CONTRACT)


def odd_ones(leads: Sequence[Lead], count: int, *, where: str) -> list[LeadId]:
    """Return so many leads of each workspace: its first ones, its last ones, or some in the middle."""
    chosen: list[LeadId] = []
    for workspace_id in dict.fromkeys(each.workspace_id for each in leads):
        own = [each.id for each in leads if each.workspace_id == workspace_id]
        begin = {"first": 0, "middle": len(own) // 2, "last": len(own) - count}[where]
        chosen += own[begin : begin + count]
    return chosen


@covering(1, "migrated_url", "workspaces", "where")
@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.parametrize("workspaces", [1, 2, 8])
async def test_odd_records_back_off_and_all_others_are_checked(
    harness: RunHarness, workspaces: int, where: str
) -> None:
    leads = await harness.fill([24] * workspaces)
    odd = odd_ones(leads, 2, where=where)
    harness.ghl.verdicts = dict.fromkeys(odd, ODD)

    for _ in range(4):
        report = await harness.run()
        assert tripped(report) == {}
        assert report.no_change == 22 * workspaces

    states = [await harness.state(each) for each in odd]
    assert all(each.failure_count >= 1 and each.next_attempt_at is not None for each in states)


async def test_a_response_shape_that_changes_during_a_run_trips_after_one_control(harness: RunHarness) -> None:
    await harness.fill([12] * 8)
    seen = 0

    def change() -> None:
        nonlocal seen
        seen += 1
        if seen == 40:
            harness.ghl.always = ODD

    harness.ghl.on_ask = change

    report = await harness.run()

    assert tripped(report)["provider:ghl"] is BreakerState.OPEN
    assert report.calls_under_way_at_trip is not None
    assert report.errors <= 3 + 4 + report.calls_under_way_at_trip
    assert len(harness.ghl.asked) <= 39 + report.errors + 2  # one control for the workspace, one for the provider


@pytest.mark.parametrize("kind", [ErrorClass.CONTRACT, ErrorClass.UNAVAILABLE, ErrorClass.CREDENTIAL])
async def test_failing_workspaces_at_the_front_of_the_queue_do_not_stop_the_others(
    harness: RunHarness, kind: ErrorClass
) -> None:
    leads = await harness.fill([6] * 12)
    bad = {each.id for each in leads if int(each.workspace_id[3:]) < 6}
    harness.ghl.verdicts = {each: failure(kind) for each in bad}

    for _ in range(3):
        report = await harness.run()
        assert [each for each in tripped(report) if not each.startswith("workspace:")] == []
        assert report.no_change == 36


async def test_a_revoked_token_at_one_provider_does_not_stop_checks_at_the_other(harness: RunHarness) -> None:
    await harness.fill([6])
    both = a_workspace("both", *ProviderName)
    unbooked_leads = [unbooked(f"both-{n}", both.id) for n in range(6)]
    await harness.seed([both], unbooked_leads)
    harness.providers[ProviderName.CALENDLY].always = failure(ErrorClass.CREDENTIAL, provider=ProviderName.CALENDLY)

    first = await harness.run()
    second = await harness.run()

    assert tripped(first) == {"workspace:both/calendly": BreakerState.OPEN}
    assert first.parked_workspaces == ("both",)
    assert second.no_change == 6
