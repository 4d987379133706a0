"""The scenes that every ``Provider`` has to play, and how each of them sets them up.

A fake joins the contract by one more entry in ``STAGES``.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Protocol

from reconcile.domain.lead import Lead
from reconcile.domain.workspace import Workspace
from reconcile.ports import Provider
from reconcile.providers.calendly.lookup import Calendly
from reconcile.providers.ghl.lookup import Ghl
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, Arena, arena, lead
from tests.providers.calendly import entered as at_calendly
from tests.providers.ghl import entered as at_ghl
from tests.services.fake_provider_stage import fake_stage


class Stage(Protocol):
    """One provider with one workspace, and a hand that changes its world."""

    @property
    def provider(self) -> Provider:
        """Who is asked."""
        ...

    @property
    def workspace(self) -> Workspace:
        """Whose lead it is: its credential is good."""
        ...

    def now(self) -> datetime:
        """Return the provider's clock."""
        ...

    def monotonic(self) -> float:
        """Return the clock of deadlines."""
        ...

    def stranger(self) -> Lead:
        """Return a lead with an address and no booking, here or there."""
        ...

    def book(self, starts_at: datetime) -> Lead:
        """Enter an appointment, and return a lead that stores its id."""
        ...

    def cancel(self, booked: Lead) -> None:
        """Call off the appointment of a lead."""
        ...

    def remove(self, booked: Lead) -> None:
        """Remove the appointment of a lead without a trace."""
        ...

    def refuse(self, *, status: int) -> None:
        """Answer nothing but *status* from now on (401, 429, 500)."""
        ...

    def lose_ids(self) -> None:
        """Leave the id out of every record from now on."""
        ...

    def empty_lists(self) -> None:
        """Answer each list of a person's appointments with none from now on."""
        ...


class _Simulated:
    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    @property
    def provider(self) -> Provider:
        return self._arena.provider

    @property
    def workspace(self) -> Workspace:
        return self._arena.workspace

    def now(self) -> datetime:
        return self._arena.clock.now()

    def monotonic(self) -> float:
        return self._arena.clock.monotonic()

    def stranger(self) -> Lead:
        return lead(email=EMAIL)

    def refuse(self, *, status: int) -> None:
        kind = {401: FaultKind.UNAUTHORIZED, 429: FaultKind.RATE_LIMITED, 500: FaultKind.SERVER_ERROR}[status]
        self._arena.switch(kind)

    def lose_ids(self) -> None:
        self._arena.switch(FaultKind.MISSING_ID)

    def empty_lists(self) -> None:
        self._arena.switch(FaultKind.LIST_HIDES, "all")


class GhlStage(_Simulated):
    """GHL in front of the simulator."""

    def book(self, starts_at: datetime) -> Lead:
        return lead(booking_id=self._arena.world.ghl.add_booking(at_ghl.CONTACT, starts_at=starts_at).id, email=EMAIL)

    def cancel(self, booked: Lead) -> None:
        self._arena.world.ghl.cancel(booked.rollup.booking_id or "")

    def remove(self, booked: Lead) -> None:
        self._arena.world.ghl.delete(booked.rollup.booking_id or "")


class CalendlyStage(_Simulated):
    """Calendly in front of the simulator."""

    def book(self, starts_at: datetime) -> Lead:
        state = self._arena.world.calendly
        return lead(
            booking_id=state.uri(state.add_booking(at_calendly.USER, email=EMAIL, starts_at=starts_at).id), email=EMAIL
        )

    def cancel(self, booked: Lead) -> None:
        self._arena.world.calendly.cancel((booked.rollup.booking_id or "").rpartition("/")[2])

    def remove(self, booked: Lead) -> None:
        state = self._arena.world.calendly
        state.delete(state.invitees[(booked.rollup.booking_id or "").rpartition("/")[2]].event_id)


@asynccontextmanager
async def _ghl() -> AsyncIterator[Stage]:
    async with arena(Ghl, name=at_ghl.NAME, enter=at_ghl.enter, timezone="UTC") as found:
        yield GhlStage(found)


@asynccontextmanager
async def _calendly() -> AsyncIterator[Stage]:
    async with arena(Calendly, name=at_calendly.NAME, enter=at_calendly.enter()) as found:
        yield CalendlyStage(found)


STAGES: Mapping[str, Callable[[], AbstractAsyncContextManager[Stage]]] = {
    "ghl": _ghl,
    "calendly": _calendly,
    "fake": fake_stage,
}
