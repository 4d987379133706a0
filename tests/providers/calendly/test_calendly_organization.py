"""Tokens of an administrator, who asks for the events of another user of the organization."""

from collections.abc import AsyncIterator

import pytest

from reconcile.domain.credential import Credential
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.errors import ErrorClass, ProviderError, ProviderUnavailable
from reconcile.providers.calendly.lookup import Calendly
from reconcile.simulator import ApiOperation as Simulated
from reconcile.simulator import FaultKind, World
from tests.providers.arena import DEADLINE, EMAIL, NOW, TOMORROW, Arena, arena, credential, lead
from tests.providers.calendly.entered import ACCOUNT, NAME, TOKEN, USER

ORGANIZATION = "OrganizationOfBoth"


def enter(world: World) -> Credential:
    """Register the user whose events are asked for, and the administrator whose token asks."""
    world.calendly.add_user(id=USER, organization_id=ORGANIZATION)
    world.calendly.add_user(id="Administrator", organization_id=ORGANIZATION, token=TOKEN)
    return credential(NAME, TOKEN, ACCOUNT)


@pytest.fixture
async def calendly() -> AsyncIterator[Arena]:
    async with arena(Calendly, name=NAME, enter=enter) as found:
        yield found


async def test_another_users_events_are_requested_with_the_organization(calendly: Arena) -> None:
    """Found out once in a run, by the refusal."""
    booked = calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)

    found = [await calendly.only(lead(email=EMAIL)) for _ in range(2)]

    assert {each.id for each in found} == {calendly.world.calendly.uri(booked.id)}
    again = ["scheduled_events", "invitees"]
    assert calendly.operations == ["scheduled_events", "current_user", *again, *again]


async def test_another_users_list_is_requested_with_the_organization(calendly: Arena) -> None:
    """And its calls are counted."""
    booked = calendly.world.calendly.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    plan = SweepPlan(since=NOW, until=TOMORROW + (TOMORROW - NOW), expected_calls=1, most_calls=20)
    subject = lead(booking_id=calendly.world.calendly.uri(booked.id))

    swept = await calendly.provider.sweep([subject], calendly.workspace, plan=plan, deadline=DEADLINE)

    assert [each.starts_at for each in swept.answers[subject.id].appointments] == [TOMORROW]
    assert swept.calls == len(calendly.attempts) == 4


@pytest.mark.parametrize("account", ["https://api.calendly.com/users/Administrator", "Administrator"])
async def test_the_tokens_own_events_need_no_organization(account: str) -> None:
    """So nothing is asked twice."""

    def enter_own(world: World) -> Credential:
        enter(world)
        return credential(NAME, TOKEN, account)

    async with arena(Calendly, name=NAME, enter=enter_own) as calendly:
        await calendly.answer(lead(email=EMAIL))

        assert calendly.operations == ["scheduled_events"]


async def test_a_refusal_that_no_organization_mends_is_the_credentials(calendly: Arena) -> None:
    """Asked for once more, and the user only once."""
    calendly.switch(FaultKind.FORBIDDEN, "resource", operation=Simulated.CALENDLY_EVENTS)

    for _ in range(2):
        with pytest.raises(ProviderError) as caught:
            await calendly.ask(lead(email=EMAIL))
        assert caught.value.error_class is ErrorClass.CREDENTIAL

    assert calendly.operations.count("current_user") == 1


async def test_a_user_that_cannot_be_had_for_now_is_no_fault_of_the_credential(calendly: Arena) -> None:
    """Nobody is parked for it."""
    calendly.switch(FaultKind.SERVER_ERROR, 503, operation=Simulated.CALENDLY_USER)

    with pytest.raises(ProviderUnavailable):
        await calendly.ask(lead(email=EMAIL))


async def test_an_empty_429_is_a_limit(calendly: Arena) -> None:
    """Its body is not read."""
    calendly.switch(FaultKind.RATE_LIMITED)
    calendly.switch(FaultKind.RATE_LIMIT_BODY, "empty")

    with pytest.raises(ProviderError) as caught:
        await calendly.ask(lead(email=EMAIL))

    assert caught.value.error_class is ErrorClass.RATE_LIMITED
