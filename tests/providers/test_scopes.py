"""A refusal for lack of a scope names the scope, and no other refusal does."""

import pytest

from reconcile.domain.ids import Operation
from reconcile.domain.lead import Lead
from reconcile.errors import ErrorClass, ProviderError
from reconcile.providers.calendly.lookup import Calendly
from reconcile.providers.ghl.lookup import Ghl
from reconcile.providers.scopes import SCOPES, missing_scope
from reconcile.simulator import ApiOperation as Simulated
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, TOMORROW, arena, lead
from tests.providers.calendly import entered as at_calendly
from tests.providers.ghl import entered as at_ghl

GHL = {
    "calendars/events.readonly": (lead(booking_id="abc"), Simulated.GHL_APPOINTMENT),
    "contacts.readonly": (lead(email=EMAIL), Simulated.GHL_CONTACT_SEARCH),
    "locations.readonly": (lead(contact_id=at_ghl.CONTACT), Simulated.GHL_LOCATION),
}
CALENDLY = {
    "scheduled_events:read": (lead(booking_id="/scheduled_events/EV/invitees/INV"), Simulated.CALENDLY_INVITEE),
    "users:read": (lead(email=EMAIL), Simulated.CALENDLY_USER),
}


@pytest.mark.parametrize("scope", GHL)
@pytest.mark.parametrize("cause", ["scope", "auth_class"])
async def test_ghls_refusal_names_the_scope(scope: str, cause: str) -> None:
    """The provider does not say which: each call needs one."""
    subject, operation = GHL[scope]
    async with arena(Ghl, name=at_ghl.NAME, enter=at_ghl.enter) as ghl:
        ghl.world.ghl.add_booking(at_ghl.CONTACT, starts_at=TOMORROW)
        ghl.switch(FaultKind.UNAUTHORIZED, cause, operation=operation)
        with pytest.raises(ProviderError) as caught:
            await ghl.ask(subject)

    assert str(caught.value).endswith(f": the token lacks the scope {scope}")
    assert caught.value.error_class is ErrorClass.CREDENTIAL


@pytest.mark.parametrize("scope", CALENDLY)
async def test_calendlys_refusal_names_the_scope(scope: str) -> None:
    """Its own list of them is not repeated, for it is the provider's text."""
    subject, operation = CALENDLY[scope]
    async with arena(Calendly, name=at_calendly.NAME, enter=at_calendly.enter(account=None)) as calendly:
        calendly.switch(FaultKind.FORBIDDEN, "insufficient_scope", operation=operation)
        with pytest.raises(ProviderError) as caught:
            await calendly.ask(subject)

    assert str(caught.value).endswith(f": the token lacks the scope {scope}")
    assert caught.value.error_class is ErrorClass.CREDENTIAL


@pytest.mark.parametrize(("kind", "value"), [(FaultKind.UNAUTHORIZED, "token"), (FaultKind.FORBIDDEN, None)])
async def test_any_other_refusal_names_none(kind: FaultKind, value: str | None) -> None:
    """A wrong token has no scope at all."""
    subject: Lead = lead(email=EMAIL)
    async with arena(Ghl, name=at_ghl.NAME, enter=at_ghl.enter) as ghl:
        ghl.switch(kind, value)
        with pytest.raises(ProviderError) as caught:
            await ghl.ask(subject)

    assert "scope" not in str(caught.value)


def test_every_operation_has_its_scope() -> None:
    """Also one that is added later."""
    assert set(SCOPES) == set(Operation) - {Operation.SWEEP}


@pytest.mark.parametrize("status", [200, 400, 404, 429, 500])
def test_other_statuses_say_nothing_of_scopes(status: int) -> None:
    """Whatever their words."""
    assert missing_scope(status, "lacks scope", Operation.LOCATION) is None
