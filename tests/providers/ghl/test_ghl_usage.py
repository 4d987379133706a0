"""What an account has used, and how it is kept."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.errors import (
    RateLimited,
)
from reconcile.providers.ghl.lookup import Ghl
from reconcile.simulator import FaultKind
from tests.provider_lookup import ask
from tests.providers.arena import TOMORROW, Arena, credential, lead
from tests.providers.ghl.entered import CONTACT, LOCATION, NAME


async def test_usage_is_reported_and_reset(ghl: Arena) -> None:
    """Each attempt counts, retries too; the provider's own numbers are the last ones."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    await ghl.ask(lead(booking_id=appointment.id))
    ghl.switch(FaultKind.SERVER_ERROR, times=1)
    await ghl.ask(lead(booking_id=appointment.id))

    usage = ghl.provider.usage(ghl.workspace)

    assert (usage.calls, usage.remaining, usage.limit, usage.not_before) == (3, 97, None, None)
    assert ghl.provider.usage(ghl.workspace).calls == 0
    assert ghl.provider.usage(ghl.workspace).remaining is None


async def test_a_429_blocks_the_account(ghl: Arena) -> None:
    """As long as it asked for."""
    ghl.switch(FaultKind.RATE_LIMITED)
    ghl.switch(FaultKind.RETRY_AFTER, "17")

    with pytest.raises(RateLimited) as caught:
        await ghl.ask(lead(booking_id="abc"))

    assert caught.value.retry_after == timedelta(seconds=17)
    assert ghl.provider.usage(ghl.workspace).not_before == timedelta(seconds=17)


async def test_a_used_up_daily_limit_blocks_the_account_before_a_429(ghl: Arena) -> None:
    """The last call of the day says that none is left."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.DAILY_LIMIT, 1)
    await ghl.ask(lead(booking_id=appointment.id))

    usage = ghl.provider.usage(ghl.workspace)

    assert (usage.remaining, usage.not_before) == (0, timedelta(hours=1))


async def test_a_changed_credential_is_used_at_once(ghl: Arena) -> None:
    """A process that stays, such as the demo's, reads workspaces anew."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    await ghl.ask(lead(booking_id=appointment.id))
    ghl.world.ghl.rotate_token(LOCATION, "pit-another")
    ghl.workspace = replace(ghl.workspace, credentials={NAME: credential(NAME, "pit-another", LOCATION)})

    assert (await ghl.only(lead(booking_id=appointment.id))).id == appointment.id


async def test_leaving_the_adapter_closes_the_pool(ghl: Arena) -> None:
    """And a second time is allowed, for two adapters share it."""
    assert isinstance(ghl.provider, Ghl)
    async with ghl.provider as provider:
        await ask(provider, lead(booking_id="abc"), ghl.workspace, deadline=1050.0)
    async with ghl.provider:
        pass

    assert ghl.provider._gateway.transport._session is None  # type: ignore[attr-defined]
