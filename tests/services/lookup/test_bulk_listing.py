"""Lists instead of look-ups: when, for whom, and that nothing that goes wrong with them is worse than look-ups."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerScope, BreakerState, Trip
from reconcile.domain.breaker.breaker import BreakerReason as Reason
from reconcile.domain.coordination.rate_limit import Grant, RateLimit
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.outcome import DeferReason
from reconcile.domain.run.report import Health
from reconcile.errors import ErrorClass
from reconcile.ports import Usage
from tests.domain.factories import NOW
from tests.services.breaker_registries import GHL as LOOK_UP
from tests.services.breaker_registries import a_registry, admit_and_record, states, ws
from tests.services.fakes import START, Allowance, a_workspace, failure
from tests.services.run_harness import GHL, RunHarness, booked, tripped, unbooked
from tests.timeouts import HUNG
from tests.use_cases import STOP_GRACE, Admission, Refusal, must_withhold

LISTS = Lookup(provider=GHL, operation=Operation.SWEEP)


async def fill(harness: RunHarness, leads: list[Lead], *workspaces: str) -> None:
    harness.ghl.appointments |= {a.id: a for each in leads for a in each.appointments}
    names = workspaces or tuple(sorted({each.workspace_id for each in leads}))
    await harness.seed([a_workspace(each, *ProviderName) for each in names], leads)


async def test_many_leads_are_listed_and_not_looked_up(listed: RunHarness) -> None:
    await listed.fill([50, 50])

    report = await listed.run()

    assert (sorted(listed.ghl.swept), listed.ghl.asked) == (["ws-0", "ws-1"], [])
    assert (report.leads_checked, report.no_change, report.provider_calls) == (100, 100, 2)
    assert (await listed.state("ws-0-lead-000")).verified_at is not None


async def test_few_leads_are_looked_up(listed: RunHarness) -> None:
    await listed.fill([4])

    report = await listed.run()

    assert (listed.ghl.swept, report.provider_calls) == ([], 4)


async def test_an_unlisted_lead_is_looked_up_and_never_absent(listed: RunHarness) -> None:
    leads = await listed.fill([20])
    hidden = leads[3].appointments[0].id
    listed.ghl.unlisted = {hidden}

    report = await listed.run()

    assert (leads[3].id in listed.ghl.asked, len(listed.ghl.asked)) == (True, 2)  # and one that was listed, as a sample
    assert (report.no_change, report.absent) == (20, 0)


async def test_empty_lists_make_no_lead_absent(listed: RunHarness) -> None:
    """All are looked up, as if there were no lists."""
    leads = await listed.fill([20])
    listed.ghl.unlisted = {each.appointments[0].id for each in leads}

    report = await listed.run()

    assert (len(listed.ghl.asked), report.no_change, report.absent, report.canceled_found) == (20, 20, 0, 0)


async def test_leads_of_two_possible_providers_are_looked_up_at_both(listed: RunHarness) -> None:
    await fill(listed, [booked(f"lead-{n}", "ws") for n in range(9)] + [unbooked("other", "ws")])

    await listed.run()

    # The one that nothing was found of needs a control: a booking that a list has to hold.
    sample, other, control = listed.ghl.asked
    assert (sample[:5], other, control[:5]) == ("lead-", "other", "lead-")
    assert listed.providers[ProviderName.CALENDLY].asked == ["other"]


async def test_lists_and_look_ups_write_the_same(listed: RunHarness) -> None:
    leads = await listed.fill([10])
    moved = replace(leads[2].appointments[0], starts_at=START + timedelta(days=4))
    listed.ghl.appointments[moved.id] = moved

    report = await listed.run()

    assert (report.rescheduled, report.no_change, listed.ghl.asked) == (1, 9, [])
    assert (await listed.lead(leads[2].id)).rollup.starts_at == moved.starts_at


@pytest.mark.parametrize(
    "kind", [ErrorClass.UNAVAILABLE, ErrorClass.CREDENTIAL, ErrorClass.CONTRACT, ErrorClass.TIMEOUT]
)
async def test_if_lists_fail_all_leads_are_looked_up_and_none_fails(listed: RunHarness, kind: ErrorClass) -> None:
    await listed.fill([20])
    listed.ghl.on_sweep = failure(kind)

    report = await listed.run()

    assert (len(listed.ghl.asked), report.no_change, report.errors) == (20, 20, 0)
    assert "sweep.failed" in listed.ear.events


@pytest.mark.parametrize("kind", [ErrorClass.UNAVAILABLE, ErrorClass.CONTRACT])
async def test_failing_lists_open_their_own_breaker(listed: RunHarness, kind: ErrorClass) -> None:
    """Nothing is left undone for it; when they are well again, three of them find out."""
    await listed.fill([10] * 12)
    listed.ghl.on_sweep = failure(kind)
    listed.policy = replace(listed.policy, workspace_concurrency=1)

    broken = await listed.run()

    assert tripped(broken) == {"provider:ghl/sweep": BreakerState.OPEN}
    assert len(listed.ghl.swept) == (3 if kind is ErrorClass.CONTRACT else 5)
    assert (broken.no_change, broken.errors, broken.circuit_broken) == (120, 0, False)
    assert broken.health is Health.DEGRADED
    assert any("ghl/sweep" in reason for reason in broken.health_reasons)

    listed.ghl.on_sweep = {}
    listed.ghl.swept.clear()
    listed.ghl.asked.clear()
    healing, widening, healed = [await listed.run() for _ in range(3)]

    assert (healing.no_change, widening.no_change, healed.no_change) == (120, 120, 120)
    assert tripped(healed) == {}
    listed.ghl.swept.clear()
    assert (await listed.run()).provider_calls == len(listed.ghl.swept) == 12


async def test_a_failing_probe_of_lists_keeps_their_breaker_open(listed: RunHarness) -> None:
    await listed.fill([10] * 12)
    listed.ghl.on_sweep = failure(ErrorClass.CONTRACT)
    await listed.run()
    listed.ghl.swept.clear()

    again = await listed.run()

    assert len(listed.ghl.swept) <= 3
    assert (tripped(again), again.no_change) == ({"provider:ghl/sweep": BreakerState.OPEN}, 120)


@pytest.mark.parametrize("key", ["provider:ghl", "provider:ghl/appointment", "workspace:ws-0", "run"])
async def test_no_list_is_requested_while_another_breaker_is_probed(listed: RunHarness, key: str) -> None:
    """What is probed is probed by look-ups."""
    await listed.fill([20])
    scope, _, name = key.partition(":")
    opened = Breaker(key=BreakerKey(BreakerScope(scope), name or "run")).trip(
        START - timedelta(minutes=5), Trip(reason=Reason.ERROR_RATE), policy=listed.policy.breaker
    )
    await listed.store.breakers.save(opened, expected_generation=0)

    runs = 0
    while (stored := await listed.store.breakers.get(opened.key)) and stored.state is not BreakerState.CLOSED:
        await listed.run()
        runs += 1

    assert runs <= 3
    assert listed.ghl.swept == []
    await listed.run()
    assert listed.ghl.swept == ["ws-0"]


async def test_a_429_of_a_list_pauses_the_workspace(listed: RunHarness) -> None:
    await listed.fill([20])
    listed.ghl.on_sweep = failure(ErrorClass.RATE_LIMITED)

    report = await listed.run()

    assert (listed.ghl.asked, report.defer_reasons) == ([], {DeferReason.RATE_LIMITED: 20})
    workspace = await listed.store.leads.workspace(WorkspaceId("ws-0"))
    assert workspace is not None
    assert workspace.not_before == START + timedelta(seconds=90)


@pytest.mark.parametrize(("left", "swept", "look_ups"), [(2, 0, 2), (3, 1, 0), (100, 1, 0)])
async def test_a_bulk_listing_stays_within_the_budget(listed: RunHarness, left: int, swept: int, look_ups: int) -> None:
    """Where it does not fit, as many are looked up as do."""
    await listed.fill([20])
    budgets = _Purse(left)

    report = await listed.run(store=listed.with_(budgets=budgets))

    assert (len(listed.ghl.swept), len(listed.ghl.asked)) == (swept, look_ups)
    assert report.leads_checked == (20 if swept else look_ups)
    assert budgets.left == left - report.provider_calls


class _Purse(Allowance):
    """A budget that is used up, and gets back what was not used."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        grant = await Allowance(self.left).reserve(key, wanted=wanted, limit=limit, share=share)
        self.left -= grant.granted
        return grant

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        self.left += unused


async def test_no_list_is_requested_after_the_deadline(listed: RunHarness) -> None:
    await listed.fill([20])
    listed.policy = replace(listed.policy, budget=timedelta(0))

    report = await listed.run()

    assert (listed.ghl.swept, listed.ghl.asked) == ([], [])
    assert report.leads_checked == 0


@pytest.mark.parametrize("ends_in_time", [True, False])
async def test_sigterm_cancels_a_bulk_listing_after_the_grace(listed: RunHarness, *, ends_in_time: bool) -> None:
    await listed.fill([20])
    listed.clock.is_hasty = False
    listed.ghl.gate.clear()
    task = asyncio.create_task(listed.run(then=timedelta(0)))
    async with asyncio.timeout(HUNG):
        await listed.ghl.arrived.wait()
        listed.stop.terminate()
        if ends_in_time:
            listed.ghl.gate.set()
        else:
            for _ in range(20):
                await asyncio.sleep(0)
            listed.clock.advance(STOP_GRACE)
        report = await task

    assert report.stopped == "sigterm"
    assert (report.leads_checked, report.errors, listed.ghl.asked) == (20 if ends_in_time else 0, 0, [])
    assert list(await listed.store.leases.held()) == []


async def test_a_bug_in_a_bulk_listing_costs_no_lead_its_check(listed: RunHarness) -> None:
    await listed.fill([20])
    listed.ghl.on_sweep = ZeroDivisionError("a secret")

    report = await listed.run()

    assert (report.no_change, report.errors) == (20, 0)
    assert "internal_error" in listed.ear.events


def test_changes_from_broken_lists_are_withheld() -> None:
    """And those that look-ups have found are not."""
    registry = a_registry()
    for number in range(3):
        admission = registry.admit(ws(number), LISTS, NOW)
        assert isinstance(admission, Admission)
        registry.record(admission, ErrorClass.CONTRACT, NOW)

    assert isinstance(registry.admit(ws(4), LISTS, NOW), Refusal)
    assert (must_withhold(registry, LISTS), must_withhold(registry, LOOK_UP)) == (True, False)
    assert (registry.is_broken(NOW), registry.state.in_flight_count) == (False, 0)


def test_the_breaker_of_lists_closes_if_the_provider_is_at_fault() -> None:
    """And are not blamed while it answers for them: when it is well again, so are they."""
    registry = a_registry()
    for number in range(3):
        admission = registry.admit(ws(number), LISTS, NOW)
        assert isinstance(admission, Admission)
        registry.record(admission, ErrorClass.CONTRACT, NOW)
    opened = states(registry)
    for number in range(3):
        admit_and_record(registry, number, ErrorClass.CONTRACT)

    assert (opened, states(registry)) == ({"provider:ghl/sweep": "open"}, {"provider:ghl": "open"})
