"""A batch asks about as many leads as its accounts grant calls for, and gives back what it did not use."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from reconcile.domain.coordination.rate_limit import Grant, RateLimit
from reconcile.domain.ids import LeadId, ProviderName
from reconcile.domain.planning.change import Answer
from reconcile.errors import ErrorClass
from reconcile.ports import Usage
from tests.services.fakes import a_workspace, failure
from tests.services.run_harness import RunHarness, unbooked

LEADS = 6
GHL, CALENDLY = ProviderName.HIGHLEVEL, ProviderName.CALENDLY


@dataclass
class Accounts:
    """The port ``Budgets``: each provider's account has so many calls *left*; what was taken and given back is kept."""

    left: dict[str, int]
    taken: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        provider = key.partition(":")[0]
        granted = min(wanted, self.left[provider])
        self.left[provider] -= granted
        self.taken[provider] += granted
        pause = timedelta(0) if granted == wanted else timedelta(seconds=20)
        return Grant(granted=granted, left=self.left[provider], retry_after=pause)

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        self.unused[key.partition(":")[0]] += unused


@pytest.mark.parametrize("granted", [0, 1, LEADS - 1, LEADS, LEADS + 1])
async def test_the_number_of_granted_calls_limits_the_look_ups(harness: RunHarness, granted: int) -> None:
    leads = await harness.fill([LEADS])
    accounts = Accounts({GHL: granted})

    first = await harness.run(store=harness.with_(budgets=accounts))
    accounts.left[GHL] = LEADS
    await harness.run(store=harness.with_(budgets=accounts))

    asked = min(granted, LEADS)
    assert (first.leads_checked, first.deferred) == (asked, LEADS - asked)
    assert harness.ghl.asked[:LEADS] == [each.id for each in leads[:LEADS]]
    assert accounts.taken[GHL] == len(harness.ghl.asked)
    assert accounts.unused[GHL] == 0


@pytest.mark.parametrize(("of_ghl", "of_calendly"), [(3, 2), (2, 3), (0, 9), (9, 0), (9, 9)])
async def test_a_lead_of_two_possible_providers_costs_one_call_of_each(
    harness: RunHarness, of_ghl: int, of_calendly: int
) -> None:
    leads = [unbooked(f"lead-{number}", "ws-0") for number in range(LEADS)]
    await harness.seed([a_workspace("ws-0", GHL, CALENDLY)], leads)
    accounts = Accounts({GHL: of_ghl, CALENDLY: of_calendly})

    report = await harness.run(store=harness.with_(budgets=accounts))

    asked = min(of_ghl, of_calendly, LEADS)
    assert [len(harness.providers[name].asked) for name in (GHL, CALENDLY)] == [asked, asked]
    assert report.leads_checked == asked
    for name, calls in ((GHL, of_ghl), (CALENDLY, of_calendly)):
        assert accounts.taken[name] - accounts.unused[name] == asked
        assert accounts.taken[name] == min(calls, LEADS)


async def test_unused_reserved_calls_are_returned_once(harness: RunHarness) -> None:
    """The first answer asks to be left alone: the others of the batch are not asked about."""
    leads = await harness.fill([LEADS])
    harness.ghl.always = failure(ErrorClass.RATE_LIMITED)
    accounts = Accounts({GHL: 100})

    report = await harness.run(store=harness.with_(budgets=accounts))

    assert report.deferred == len(leads)
    assert len(harness.ghl.asked) == 1
    assert (accounts.taken[GHL], accounts.unused[GHL]) == (LEADS, LEADS - 1)


@pytest.mark.parametrize("limit", [1, LEADS - 1, LEADS, LEADS + 1])
async def test_a_batch_has_the_requested_number_of_leads(harness: RunHarness, limit: int) -> None:
    await harness.fill([LEADS, LEADS])

    report = await harness.run(leads_per_workspace=limit)

    assert report.leads_checked == len(harness.ghl.asked) == 2 * min(limit, LEADS)


@pytest.mark.parametrize("after", [1, 2, 3])
async def test_a_lead_is_quarantined_after_exactly_the_configured_failures(harness: RunHarness, after: int) -> None:
    """Failures in a row: a success begins the count anew, and what was put off or skipped counts for neither."""
    await harness.fill([3, 3])
    poison = LeadId("ws-0-lead-000")
    harness.policy = replace(harness.policy, backoff=replace(harness.policy.backoff, quarantine_after=after))
    booked = harness.ghl.appointments[next(iter(harness.ghl.appointments))]
    aside = []
    for verdict in [failure(ErrorClass.REJECTED)] * (after - 1) + [Answer(appointments=(booked,))]:
        harness.ghl.verdicts = {poison: verdict}
        await harness.run(then=timedelta(hours=7))
        aside.append(bool(await harness.store.leads.quarantined()))
    harness.ghl.verdicts = {poison: failure(ErrorClass.REJECTED)}
    reports = []
    for _ in range(after):
        reports.append(await harness.run(then=timedelta(hours=7)))
        aside.append(bool(await harness.store.leads.quarantined()))

    assert aside == [False] * (2 * after - 1) + [True]
    assert [each.quarantined for each in reports] == [0] * (after - 1) + [1]
    assert (await harness.state(poison)).failure_count == after
