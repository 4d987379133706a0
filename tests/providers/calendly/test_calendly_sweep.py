"""Calendly's lists: whom they settle with and without invitees, and whom they leave to a look-up."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import LeadState
from reconcile.errors import ContractFault, ErrorClass, ProviderError, ProviderUnavailable
from reconcile.providers.calendly.lookup import Calendly
from reconcile.simulator import ApiOperation, FaultKind
from tests.providers.arena import EMAIL, NOW, TOMORROW, Arena, lead
from tests.providers.calendly.entered import USER
from tests.providers.calendly.sweeping import PLAN, booked, settled, swept, verified


class Counted(httpx.AsyncBaseTransport):
    """Counts the requests that are under way."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self._under_way = 0
        self.peak = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._under_way += 1
        self.peak = max(self.peak, self._under_way)
        try:
            return await self._transport.handle_async_request(request)
        finally:
            self._under_way -= 1


async def test_an_event_and_its_invitees_settle_as_a_look_up_does(calendly: Arena) -> None:
    one, two = booked(calendly, "one"), booked(calendly, "two")

    found = await swept(calendly, one, two)

    assert calendly.operations == ["scheduled_events", "invitees", "invitees"]
    assert found.calls == 3
    assert found.answers == {"one": await calendly.answer(one), "two": await calendly.answer(two)}


@pytest.mark.parametrize("concurrency", [1, 3, 20])
async def test_invitees_of_several_events_are_read_concurrently(calendly: Arena, concurrency: int) -> None:
    leads = [booked(calendly, f"lead-{n}", starts_at=TOMORROW + timedelta(hours=n)) for n in range(9)]
    transport = Counted(calendly.gateway.transport)
    provider = Calendly(replace(calendly.gateway, transport=transport))
    plan = replace(PLAN, concurrency=concurrency)

    found = await provider.sweep(leads, calendly.workspace, plan=plan, deadline=calendly.clock.monotonic() + 50)

    assert (len(found.answers), found.calls) == (9, 10)
    assert transport.peak == min(concurrency, 9)


async def test_no_list_is_requested_after_one_that_failed(calendly: Arena) -> None:
    """Those that were under way end first."""
    leads = [booked(calendly, f"lead-{n}", starts_at=TOMORROW + timedelta(hours=n)) for n in range(9)]
    calendly.switch(FaultKind.SERVER_ERROR, 503, operation=ApiOperation.CALENDLY_INVITEES)

    with pytest.raises(ProviderUnavailable):
        await swept(calendly, *leads, plan=replace(PLAN, concurrency=3))

    assert calendly.operations == ["scheduled_events"] + ["invitees"] * 3


async def test_concurrent_reads_stay_within_the_calls_of_the_plan(calendly: Arena) -> None:
    leads = [booked(calendly, f"lead-{n}", starts_at=TOMORROW + timedelta(hours=n)) for n in range(9)]

    found = await swept(calendly, *leads, plan=replace(PLAN, most_calls=5, concurrency=8))

    assert (len(found.answers), found.calls) == (4, 5)


async def test_one_list_of_invitees_settles_a_whole_group(calendly: Arena) -> None:
    state = calendly.world.calendly
    event = state.add_event(USER, starts_at=TOMORROW, limit=9)
    places = {n: state.invite(event.id, email=f"{n}@example.com") for n in range(6)}
    state.cancel(places[5].id)
    leads = [replace(lead(booking_id=state.uri(each.id)), id=str(n)) for n, each in places.items()]  # type: ignore[arg-type]

    assert await settled(calendly, *leads) == {"0", "1", "2", "3", "4"}
    assert calendly.operations == ["scheduled_events", "invitees"]


async def test_an_event_unchanged_since_its_verification_needs_no_invitees(calendly: Arena) -> None:
    known = await verified(calendly, booked(calendly))

    found = await swept(calendly, known)

    assert calendly.operations == ["scheduled_events"]
    (appointment,) = found.answers[known.id].appointments
    assert appointment == known.appointments[0]


@pytest.mark.parametrize(
    "differs",
    [
        {"state": LeadState()},
        {"state": LeadState(verified_at=NOW)},
        {"appointments": ()},
    ],
    ids=["never verified", "changed about then", "not known"],
)
async def test_an_event_that_may_have_changed_is_read_with_its_invitees(
    calendly: Arena, differs: dict[str, object]
) -> None:
    known = replace(await verified(calendly, booked(calendly)), **differs)  # type: ignore[arg-type]

    assert await settled(calendly, known) == {known.id}
    assert calendly.operations == ["scheduled_events", "invitees"]


async def test_a_row_that_was_changed_here_is_read_with_its_invitees(calendly: Arena) -> None:
    known = await verified(calendly, booked(calendly))
    changed = replace(known.appointments[0], status=AppointmentStatus.CANCELED)

    (answer,) = (await swept(calendly, replace(known, appointments=(changed,)))).answers.values()

    assert calendly.operations == ["scheduled_events", "invitees"]
    assert answer.appointments[0].status is AppointmentStatus.CONFIRMED


async def test_unsettled_leads_are_left_to_look_ups(calendly: Arena) -> None:
    """Each for a reason of its own; none is called absent."""
    state = calendly.world.calendly
    canceled, gone, moved = (booked(calendly, name) for name in ("canceled", "gone", "moved"))
    ids = {each.id: (each.rollup.booking_id or "").rpartition("/")[2] for each in (canceled, gone, moved)}
    over = booked(calendly, "over", starts_at=NOW - timedelta(hours=1))
    far = booked(calendly, "far", starts_at=NOW + timedelta(days=31))
    state.cancel(ids["canceled"])  # type: ignore[index]
    state.delete(state.invitees[ids["gone"]].event_id)  # type: ignore[index]
    state.reschedule(ids["moved"], TOMORROW + timedelta(days=1))  # type: ignore[index]
    event_only = replace(lead(booking_id=(far.rollup.booking_id or "").partition("/invitees")[0]), id="event")  # type: ignore[arg-type]

    assert await settled(calendly, canceled, gone, moved, over, far, event_only, lead(email=EMAIL)) == set()


async def test_only_needed_and_allowed_pages_are_read(calendly: Arena) -> None:
    leads = [booked(calendly, f"lead-{n:03}", starts_at=TOMORROW + timedelta(hours=n)) for n in range(150)]
    known = [await verified(calendly, each) for each in (leads[0], leads[149])]
    calendly.attempts.clear()

    assert await settled(calendly, known[0]) == {"lead-000"}
    assert calendly.operations == ["scheduled_events"]
    calendly.attempts.clear()
    assert await settled(calendly, *known) == {"lead-000", "lead-149"}
    assert calendly.operations == ["scheduled_events"] * 2
    calendly.attempts.clear()
    assert await settled(calendly, *known, plan=replace(PLAN, most_calls=1)) == {"lead-000"}
    assert calendly.operations == ["scheduled_events"]


async def test_a_list_without_an_end_is_noticed(calendly: Arena) -> None:
    elsewhere = booked(calendly, starts_at=NOW + timedelta(days=60))
    calendly.switch(FaultKind.ENDLESS_PAGES)

    found = await swept(calendly, elsewhere)

    assert (found.answers, found.calls) == ({}, 2)


@pytest.mark.parametrize("operation", [ApiOperation.CALENDLY_EVENTS, ApiOperation.CALENDLY_INVITEES])
async def test_lists_of_nothing_but_broken_records_are_a_contract_fault(
    calendly: Arena, operation: ApiOperation
) -> None:
    known = booked(calendly)
    calendly.switch(FaultKind.MISSING_ID, operation=operation)

    with pytest.raises(ContractFault):
        await swept(calendly, known)


async def test_a_failing_list_is_requested_once(calendly: Arena) -> None:
    known = booked(calendly)
    calendly.switch(FaultKind.SERVER_ERROR, 503)

    with pytest.raises(ProviderError) as caught:
        await swept(calendly, known)

    assert (caught.value.error_class, len(calendly.attempts)) == (ErrorClass.UNAVAILABLE, 1)
