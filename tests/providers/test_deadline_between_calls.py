"""A look-up or a sweep whose time is up after any of its requests makes no other one, and answers nothing half."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.errors import ErrorClass, OutOfTime
from reconcile.providers.calendly.lookup import Calendly
from reconcile.providers.ghl.lookup import Ghl
from reconcile.simulator import FaultKind
from tests.provider_lookup import ask as look_up
from tests.providers.arena import DEADLINE, EMAIL, NOW, TOMORROW, Arena, arena, lead
from tests.providers.calendly import entered as calendly_world
from tests.providers.ghl import entered as ghl_world

PLAN = SweepPlan(since=NOW, until=NOW + timedelta(days=30), expected_calls=4, most_calls=20)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is asked at a provider, and how many requests it takes."""

    found: Arena
    requests: int
    is_sweep: bool
    leads: tuple[Any, ...]

    async def ask(self) -> Any:
        provider, workspace = self.found.provider, self.found.workspace
        if self.is_sweep:
            return await provider.sweep(self.leads, workspace, plan=PLAN, deadline=DEADLINE)
        return await look_up(provider, self.leads[0], workspace, deadline=DEADLINE)


def calendly() -> AbstractAsyncContextManager[Arena]:
    return arena(Calendly, name=calendly_world.NAME, enter=calendly_world.enter())


def ghl() -> AbstractAsyncContextManager[Arena]:
    return arena(Ghl, name=ghl_world.NAME, enter=ghl_world.enter, timezone="America/New_York")


@asynccontextmanager
async def calendly_sweep() -> AsyncIterator[Work]:
    """Give one list of events, and the invitees of each of three."""
    async with calendly() as found:
        state = found.world.calendly
        booked = [
            state.add_booking(calendly_world.USER, email=f"{n}@example.com", starts_at=TOMORROW) for n in range(3)
        ]
        leads = [replace(lead(booking_id=state.uri(each.id)), id=str(n)) for n, each in enumerate(booked)]  # type: ignore[arg-type]
        yield Work(found=found, requests=4, is_sweep=True, leads=tuple(leads))


@asynccontextmanager
async def calendly_lookup() -> AsyncIterator[Work]:
    """Give a search by address: a list of events, and the invitees of each of two."""
    async with calendly() as found:
        for _ in range(2):
            found.world.calendly.add_booking(calendly_world.USER, email=EMAIL, starts_at=TOMORROW)
        yield Work(found=found, requests=3, is_sweep=False, leads=(lead(email=EMAIL),))


@asynccontextmanager
async def ghl_sweep() -> AsyncIterator[Work]:
    """Give a list of calendars, and the events of each of three."""
    async with ghl() as found:
        state = found.world.ghl
        calendars = [None, *(state.add_calendar(ghl_world.LOCATION) for _ in range(2))]
        booked = [state.add_booking(ghl_world.CONTACT, starts_at=TOMORROW, calendar_id=each) for each in calendars]
        leads = [replace(lead(booking_id=each.id), id=str(n)) for n, each in enumerate(booked)]  # type: ignore[arg-type]
        yield Work(found=found, requests=4, is_sweep=True, leads=tuple(leads))


@asynccontextmanager
async def ghl_lookup() -> AsyncIterator[Work]:
    """Give a search by address, and the appointments of each of two contacts."""
    async with ghl() as found:
        state = found.world.ghl
        other = state.add_contact(ghl_world.LOCATION, email=EMAIL)
        found.switch(FaultKind.TIME_FORMAT, "iso")
        for each in (ghl_world.CONTACT, other.id):
            state.add_booking(each, starts_at=TOMORROW)
        yield Work(found=found, requests=3, is_sweep=False, leads=(lead(email=EMAIL),))


@pytest.mark.parametrize("open_work", [calendly_sweep, calendly_lookup, ghl_sweep, ghl_lookup])
async def test_no_request_is_made_after_the_deadline(
    open_work: Callable[[], AbstractAsyncContextManager[Work]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_work() as work:
        found, attempts = work.found, work.found.attempts
        for after in range(work.requests + 1):
            attempts.clear()
            due = after

            def monotonic(due: int = due) -> float:
                return DEADLINE if len(attempts) >= due else DEADLINE - 50

            monkeypatch.setattr(found.clock, "monotonic", monotonic)
            if after < work.requests:
                with pytest.raises(OutOfTime) as caught:
                    await work.ask()
                assert caught.value.error_class is ErrorClass.TIMEOUT
            else:
                assert await work.ask()
            assert len(attempts) == after
