"""What the use cases rely on in every ``Provider``, real or fake."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import LeadId, Operation
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.errors import ContractFault, ErrorClass, OutOfTime, ProviderError, RateLimited
from reconcile.ports import Sweep
from tests.contracts.provider_stages import STAGES, Stage
from tests.provider_lookup import ask as look_up
from tests.providers.arena import lead
from tests.use_cases import LISTS

SOON = timedelta(hours=3)


@pytest.fixture(params=STAGES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with STAGES[request.param]() as found:
        yield found


async def ask(stage: Stage, subject: Lead, *, left: float = 30.0) -> Answer | SkipReason:
    """Ask about a lead with so many seconds left."""
    return await look_up(stage.provider, subject, stage.workspace, deadline=stage.monotonic() + left)


def first_call(stage: Stage, subject: Lead) -> Operation:
    """Return the call by which a lead is looked up."""
    lookup = stage.provider.lookup(subject, stage.workspace)
    assert isinstance(lookup, Lookup)
    return lookup.operation


async def check_lists(stage: Stage, subject: Lead) -> Answer | SkipReason:
    """Ask for a lead's booking and for the list that has to hold it."""
    return await stage.provider.check_lists(subject, stage.workspace, deadline=stage.monotonic() + 30.0)


async def sweep(stage: Stage, *leads: Lead, left: float = 30.0) -> Sweep:
    """Ask for lists of the next month."""
    now = stage.now()
    plan = SweepPlan(since=now, until=now + timedelta(days=30), expected_calls=1, most_calls=20, includes_past=True)
    return await stage.provider.sweep(leads, stage.workspace, plan=plan, deadline=stage.monotonic() + left)


async def test_an_active_booking_is_reported(stage: Stage) -> None:
    """With its instants, which are aware."""
    starts_at = stage.now() + SOON
    booked = stage.book(starts_at)

    answer = await ask(stage, booked)

    assert isinstance(answer, Answer)
    (found,) = answer.appointments
    assert (found.id, found.provider) == (booked.rollup.booking_id, stage.provider.name)
    assert (found.status, found.starts_at, found.canceled_at) == (AppointmentStatus.CONFIRMED, starts_at, None)
    assert found.starts_at.utcoffset() is not None
    assert answer.absent == frozenset()
    assert answer.returned == {first_call(stage, booked)}


async def test_a_canceled_booking_has_its_time_of_cancellation(stage: Stage) -> None:
    """It is reported, and not absent."""
    booked = stage.book(stage.now() + SOON)
    stage.cancel(booked)

    answer = await ask(stage, booked)

    assert isinstance(answer, Answer)
    (found,) = answer.appointments
    assert (found.id, found.status) == (booked.rollup.booking_id, AppointmentStatus.CANCELED)
    assert found.canceled_at == stage.now()
    assert answer.absent == frozenset()


async def test_a_deleted_booking_is_absent(stage: Stage) -> None:
    """Under the id that was asked for, and not reported at the same time."""
    booked = stage.book(stage.now() + SOON)
    stage.remove(booked)

    answer = await ask(stage, booked)

    assert isinstance(answer, Answer)
    assert answer.absent == {booked.rollup.booking_id}
    assert answer.appointments == ()
    assert first_call(stage, booked) not in answer.returned


async def test_an_empty_search_is_not_an_absence(stage: Stage) -> None:
    """Only what was asked for by its id can be."""
    answer = await ask(stage, stage.stranger())

    assert isinstance(answer, Answer)
    assert (answer.appointments, answer.absent) == ((), frozenset())


@pytest.mark.parametrize("is_empty", [False, True])
async def test_lists_are_checked_with_a_known_booking(stage: Stage, is_empty: bool) -> None:
    """Though it stands and is ahead, so that no look-up would ask for a list."""
    booked = stage.book(stage.now() + SOON)
    if is_empty:
        stage.empty_lists()

    answer = await check_lists(stage, booked)

    assert isinstance(answer, Answer)
    lists = LISTS[stage.provider.name]
    assert [each.id for each in answer.appointments] == [booked.rollup.booking_id]
    assert (lists in answer.returned, lists in answer.silent) == (not is_empty, is_empty)


async def test_a_deleted_booking_is_no_control_of_the_lists(stage: Stage) -> None:
    booked = stage.book(stage.now() + SOON)
    stage.remove(booked)

    answer = await check_lists(stage, booked)

    assert isinstance(answer, Answer)
    assert LISTS[stage.provider.name] not in answer.returned | answer.silent


async def test_an_error_during_a_list_check_is_raised(stage: Stage) -> None:
    booked = stage.book(stage.now() + SOON)
    stage.refuse(status=500)

    with pytest.raises(ProviderError):
        await check_lists(stage, booked)


async def test_a_repeated_look_up_gives_the_same_answer(stage: Stage) -> None:
    """Nothing is changed by asking."""
    booked = stage.book(stage.now() + SOON)

    assert await ask(stage, booked) == await ask(stage, booked)


@pytest.mark.parametrize(
    ("status", "error_class"),
    [(401, ErrorClass.CREDENTIAL), (429, ErrorClass.RATE_LIMITED), (500, ErrorClass.UNAVAILABLE)],
)
async def test_an_indecisive_response_is_raised(stage: Stage, status: int, error_class: ErrorClass) -> None:
    """With the provider and the operation, which breakers count by."""
    booked = stage.book(stage.now() + SOON)
    stage.refuse(status=status)

    with pytest.raises(ProviderError) as caught:
        await ask(stage, booked)

    error = caught.value
    lookup = stage.provider.lookup(booked, stage.workspace)
    assert isinstance(lookup, Lookup)
    assert (error.error_class, error.status) == (error_class, status)
    assert (error.provider, error.operation) == (lookup.provider, lookup.operation)


async def test_an_answer_without_ids_is_a_contract_fault(stage: Stage) -> None:
    """The incident: nothing may be concluded from it."""
    booked = stage.book(stage.now() + SOON)
    stage.lose_ids()

    with pytest.raises(ContractFault, match=r" response missing required (ID|URI) field$") as caught:
        await ask(stage, booked)

    assert caught.value.error_class is ErrorClass.CONTRACT
    assert caught.value.shape


async def test_planning_a_look_up_names_its_first_call_without_making_it(stage: Stage) -> None:
    """So that breaker and budget can refuse it."""
    booked = stage.book(stage.now() + SOON)

    lookup = stage.provider.lookup(booked, stage.workspace)

    assert isinstance(lookup, Lookup)
    assert lookup.provider == stage.provider.name
    assert stage.provider.usage(stage.workspace).calls == 0


async def test_a_lead_that_cannot_be_looked_up_is_skipped_by_lookup_and_answer(stage: Stage) -> None:
    """For the same reason."""
    for subject, workspace in (
        (lead(), stage.workspace),
        (stage.stranger(), replace(stage.workspace, credentials={})),
    ):
        reason = stage.provider.lookup(subject, workspace)

        assert isinstance(reason, SkipReason)
        assert await look_up(stage.provider, subject, workspace, deadline=stage.monotonic() + 30) is reason


async def test_usage_is_reported_once(stage: Stage) -> None:
    """Each call belongs to one settlement."""
    booked = stage.book(stage.now() + SOON)
    await ask(stage, booked)

    first, second = (stage.provider.usage(stage.workspace) for _ in range(2))

    assert first.calls > 0
    assert (second.calls, second.remaining, second.not_before) == (0, None, None)


async def test_a_429_has_its_wait(stage: Stage) -> None:
    """In the error, and once more in the usage, which outlives the lead."""
    booked = stage.book(stage.now() + SOON)
    stage.refuse(status=429)

    with pytest.raises(RateLimited) as caught:
        await ask(stage, booked)

    assert stage.provider.usage(stage.workspace).not_before == caught.value.retry_after > timedelta(0)


async def test_no_call_is_made_after_the_deadline(stage: Stage) -> None:
    """The lead is left for the next run, and the provider is not blamed."""
    booked = stage.book(stage.now() + SOON)

    with pytest.raises(OutOfTime):
        await ask(stage, booked, left=0)

    usage = stage.provider.usage(stage.workspace)
    assert (usage.calls, usage.not_before) == (0, None)


async def test_a_listed_active_booking_gives_the_answer_of_a_look_up(stage: Stage) -> None:
    booked, stranger = stage.book(stage.now() + SOON), replace(stage.stranger(), id=LeadId("stranger"))

    swept = await sweep(stage, booked, stranger)

    assert swept.answers == {booked.id: await ask(stage, booked)}
    assert swept.calls > 0


async def test_a_listed_canceled_booking_gives_the_answer_of_a_look_up_or_none(stage: Stage) -> None:
    booked = stage.book(stage.now() + SOON)
    stage.cancel(booked)

    swept = await sweep(stage, booked)

    assert swept.answers in ({}, {booked.id: await ask(stage, booked)})


async def test_lists_do_not_settle_deleted_bookings(stage: Stage) -> None:
    """Who is not listed is unknown."""
    booked = stage.book(stage.now() + SOON)
    stage.remove(booked)

    assert (await sweep(stage, booked)).answers == {}


@pytest.mark.parametrize(
    ("status", "error_class"),
    [(401, ErrorClass.CREDENTIAL), (429, ErrorClass.RATE_LIMITED), (500, ErrorClass.UNAVAILABLE)],
)
async def test_a_refused_list_is_raised(stage: Stage, status: int, error_class: ErrorClass) -> None:
    booked = stage.book(stage.now() + SOON)
    stage.refuse(status=status)

    with pytest.raises(ProviderError) as caught:
        await sweep(stage, booked)

    assert caught.value.error_class is error_class
    assert stage.provider.usage(stage.workspace).calls == 1


async def test_lists_without_ids_are_a_contract_fault(stage: Stage) -> None:
    booked = stage.book(stage.now() + SOON)
    stage.lose_ids()

    with pytest.raises(ContractFault):
        await sweep(stage, booked)


async def test_no_list_is_requested_after_the_deadline(stage: Stage) -> None:
    booked = stage.book(stage.now() + SOON)

    with pytest.raises(OutOfTime):
        await sweep(stage, booked, left=0)

    assert stage.provider.usage(stage.workspace).calls == 0


async def test_the_cost_of_a_bulk_listing_is_known_without_a_call(stage: Stage) -> None:
    """And without a credential there is none."""
    assert stage.provider.sweep_cost(stage.workspace) is not None
    assert stage.provider.sweep_cost(replace(stage.workspace, credentials={})) is None
    assert stage.provider.usage(stage.workspace).calls == 0
