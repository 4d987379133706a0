"""A token goes to its own provider and nowhere else, whatever stands in the database or in an answer."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from reconcile.domain.lead import Lead
from reconcile.errors import ProviderError
from reconcile.providers.calendly.lookup import Calendly
from reconcile.providers.ghl.lookup import Ghl
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, NOW, TOMORROW, arena, lead, silence
from tests.providers.calendly import entered as at_calendly
from tests.providers.ghl import entered as at_ghl

STORED: dict[str, Callable[[str], Lead]] = {
    "invitee": lambda elsewhere: lead(booking_id=f"{elsewhere}/scheduled_events/EV/invitees/INV", email=EMAIL),
    "event": lambda elsewhere: lead(booking_id=f"{elsewhere}/scheduled_events/EV", email=EMAIL),
    "query": lambda elsewhere: lead(booking_id=f"/scheduled_events/EV?next={elsewhere}", email=EMAIL),
    "id": lambda elsewhere: lead(booking_id=elsewhere, provider=at_ghl.NAME, contact_id=elsewhere, email=EMAIL),
    "contact": lambda elsewhere: lead(contact_id=f"//{elsewhere.partition('//')[2]}", email=EMAIL),
    "at": lambda elsewhere: lead(booking_id=f"x@{elsewhere}", provider=at_calendly.NAME, email=EMAIL),
    "address": lambda elsewhere: lead(email=f"a@{elsewhere}"),
}


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("account", [None, "/users/UserOfTheWorkspace"])
async def test_a_stored_address_is_never_requested(stored: str, account: str | None) -> None:
    """Ids are taken out of it, and the rest is dropped."""
    async with silence() as (elsewhere, received):
        account = f"{elsewhere}{account}" if account else None
        subject = STORED[stored](elsewhere)
        async with arena(Calendly, name=at_calendly.NAME, enter=at_calendly.enter(account=account)) as calendly:
            await calendly.ask(subject)
        async with arena(Ghl, name=at_ghl.NAME, enter=at_ghl.enter, timezone="UTC") as ghl:
            await ghl.ask(subject)

    assert received == []


async def test_an_address_in_a_response_is_never_requested() -> None:
    """Not the next page, not the new place of a reschedule, not any URI."""
    async with (
        silence() as (elsewhere, received),
        arena(Calendly, name=at_calendly.NAME, enter=at_calendly.enter(account=None)) as calendly,
    ):
        state = calendly.world.calendly
        for day in range(1, 130):
            old = state.add_booking(at_calendly.USER, email=EMAIL, starts_at=NOW - timedelta(hours=day))
        state.reschedule(old.id, TOMORROW)
        calendly.switch(FaultKind.URI_ORIGIN, elsewhere)
        calendly.switch(FaultKind.NEXT_PAGE_ORIGIN, elsewhere)

        by_address = await calendly.answer(lead(email=EMAIL))
        by_id = await calendly.answer(lead(booking_id=f"{elsewhere}/scheduled_events/{old.event_id}/invitees/{old.id}"))

    assert len(by_id.appointments) == 2
    assert by_address.appointments
    assert all(each.id.startswith("https://api.calendly.com/") for each in by_id.appointments)
    assert received == []


@pytest.mark.parametrize("provider", ["ghl", "calendly"])
async def test_a_redirect_is_not_followed(provider: str) -> None:
    """Not even the first hop."""
    async with silence() as (elsewhere, received):
        here = (
            arena(Ghl, name=at_ghl.NAME, enter=at_ghl.enter)
            if provider == "ghl"
            else arena(Calendly, name=at_calendly.NAME, enter=at_calendly.enter())
        )
        async with here as found:
            found.switch(FaultKind.REDIRECT, f"{elsewhere}/")
            with pytest.raises(ProviderError):
                await found.ask(lead(email=EMAIL))

    assert received == []
