"""A lead that two providers may know of: what one has answered counts as far as it is decisive without the other."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.breaker.breaker import Breaker, BreakerPolicy, BreakerReason, BreakerState, Trip
from reconcile.domain.breaker.keys import provider_key
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.planning.change import Answer
from reconcile.errors import ErrorClass
from tests.domain.factories import an_appointment
from tests.samples import covering
from tests.services.fakes import START, a_workspace, failure
from tests.services.run_harness import RunHarness, Wrapped, tripped, unbooked
from tests.timeouts import HUNG


def booked_at(provider: ProviderName) -> Answer:
    return Answer(appointments=(an_appointment("made", provider=provider, starts_at=START + timedelta(days=3)),))


async def fill(harness: RunHarness, count: int, *, failing: ProviderName, kind: ErrorClass) -> list[LeadId]:
    """Seed leads of one workspace with both providers, of which one always fails."""
    harness.providers[failing].always = failure(kind, provider=failing)
    return await fill_both(harness, count)


async def fill_both(harness: RunHarness, count: int) -> list[LeadId]:
    both = a_workspace("both", *ProviderName)
    leads = [unbooked(f"both-{n:02}", both.id) for n in range(count)]
    await harness.seed([both], leads)
    return [each.id for each in leads]


@covering(1, "migrated_url", "kind", "failing")
@pytest.mark.parametrize("failing", list(ProviderName))
@pytest.mark.parametrize(
    "kind", [ErrorClass.CREDENTIAL, ErrorClass.UNAVAILABLE, ErrorClass.CONTRACT, ErrorClass.RATE_LIMITED]
)
async def test_a_booking_that_one_provider_shows_is_written_although_the_other_fails(
    harness: RunHarness, kind: ErrorClass, failing: ProviderName
) -> None:
    (lead_id,) = await fill(harness, 1, failing=failing, kind=kind)
    (other,) = set(ProviderName) - {failing}
    harness.providers[other].verdicts[lead_id] = booked_at(other)

    report = await harness.run()

    after = await harness.lead(lead_id)
    assert (report.booked_found, report.errors) == (1, 0)
    assert (after.rollup.booking_id, after.state.verified_at) == ("made", None)
    assert after.state.reason == "incomplete_search"


@pytest.mark.parametrize("failing", list(ProviderName))
async def test_that_one_provider_shows_nothing_decides_nothing_while_the_other_fails(
    harness: RunHarness, failing: ProviderName
) -> None:
    (lead_id,) = await fill(harness, 1, failing=failing, kind=ErrorClass.UNAVAILABLE)

    report = await harness.run()

    state = await harness.state(lead_id)
    assert (report.errors, report.no_change) == (1, 0)
    assert (state.verified_at, state.failure_count) == (None, 1)


async def test_an_outage_of_one_provider_makes_no_calls_to_the_other(harness: RunHarness) -> None:
    await fill_both(harness, 6)
    trip = Trip(reason=BreakerReason.MANY_WORKSPACES, fault="unavailable")
    opened = Breaker(key=provider_key(ProviderName.HIGHLEVEL)).trip(harness.clock.now(), trip, policy=BreakerPolicy())
    await harness.store.breakers.save(opened, expected_generation=0)

    report = await harness.run()

    assert (report.leads_checked, report.deferred) == (0, 6)
    assert harness.providers[ProviderName.CALENDLY].asked == []


async def test_a_booking_of_a_provider_that_breaks_later_in_the_run_is_withheld(harness: RunHarness) -> None:
    await harness.fill([12] * 8)
    found = await fill_both(harness, 12)
    harness.ghl.verdicts = {found[0]: booked_at(ProviderName.HIGHLEVEL)}

    def break_after_it() -> None:
        if found[0] in harness.ghl.asked[:-1]:
            harness.ghl.verdicts, harness.ghl.always = {}, failure(ErrorClass.CONTRACT)

    harness.ghl.on_ask = break_after_it
    is_open = asyncio.Event()

    async def save(breaker: Breaker, **facts: Any) -> bool:
        if breaker.key == provider_key(ProviderName.HIGHLEVEL) and breaker.state is BreakerState.OPEN:
            is_open.set()
        return await harness.store.breakers.save(breaker, **facts)

    async def holders(workspace_id: WorkspaceId, ids: Any) -> Any:
        """Return who holds a booking, once the provider's breaker is open: the batch is written after that."""
        if workspace_id == "both":
            async with asyncio.timeout(HUNG):
                await is_open.wait()
        return await harness.store.leads.holders(workspace_id, ids)

    leads, breakers = Wrapped(harness.store.leads, holders=holders), Wrapped(harness.store.breakers, save=save)
    report = await harness.run(store=harness.with_(leads=leads, breakers=breakers))

    assert tripped(report)["provider:ghl"] is BreakerState.OPEN
    assert (await harness.lead(found[0])).rollup.booking_id is None
