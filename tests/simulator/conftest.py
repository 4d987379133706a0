"""A small world by hand, a server that shows it, and a caller for each provider."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from reconcile.simulator import Fault, FaultKind, Simulator, World, simulate
from tests.timeouts import HUNG

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SLOT = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
ANN = "ann@example.com"
LIMIT = timedelta(seconds=HUNG)


@dataclass
class Clock:
    """Simulated time, moved by hand."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Caller:
    """Calls one provider as one owner."""

    http: httpx.AsyncClient
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(f"{self.url}{path}", params=query or None, headers=self.headers)

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.http.post(f"{self.url}{path}", json=body, headers=self.headers)

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(f"{self.url}{path}", headers=self.headers)

    async def record(self, path: str, **query: Any) -> Any:
        """Return the one record of a response, out of whatever wraps it."""
        body = (await self.get(path, **query)).json()
        for key in ("event", "appointment", "contact", "location", "resource"):
            if key in body:
                return body[key]
        for key in ("events", "contacts", "collection"):
            if key in body:
                return body[key][0]
        return body


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    """One location in Berlin with Ann and her appointment; one Calendly user with an event of Ann's."""
    world = World(now=clock)
    world.ghl.add_location(id="loc-1", token="pit-1", workspace="ws-1", time_zone="Europe/Berlin")
    world.ghl.add_contact("loc-1", id="con-1", email=ANN, added_at=NOW - timedelta(days=9))
    world.ghl.add_booking("con-1", id="app-1", starts_at=SLOT)
    world.calendly.add_user(id="user-1", token="cal-1", organization_id="org-1", workspace="ws-1")
    world.calendly.add_event("user-1", id="ev-1", starts_at=SLOT)
    world.calendly.invite("ev-1", id="inv-1", email=ANN)
    return world


@pytest.fixture
async def simulator(world: World) -> AsyncIterator[Simulator]:
    async with simulate(world) as simulator:
        yield simulator


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=LIMIT.total_seconds(), trust_env=False) as http:
        yield http


@pytest.fixture
def ghl(simulator: Simulator, http: httpx.AsyncClient) -> Caller:
    return Caller(http, simulator.ghl_url, {"Authorization": "Bearer pit-1", "Version": "2021-04-15"})


@pytest.fixture
def calendly(simulator: Simulator, http: httpx.AsyncClient) -> Caller:
    return Caller(http, simulator.calendly_url, {"Authorization": "Bearer cal-1"})


@pytest.fixture
def switch(simulator: Simulator) -> Any:
    """Switch a kind on for every request, or with the conditions given."""

    def add(kind: FaultKind, value: Any = None, **conditions: Any) -> int:
        return simulator.faults.add(Fault(kind=kind, value=value, **conditions))[0]

    return add
