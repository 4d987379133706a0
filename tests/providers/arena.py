"""An adapter in front of the simulator, with a clock that a test moves and a second listener that must stay silent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reconcile.domain.appointment import Appointment
from reconcile.domain.credential import Credential, Token
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, Rollup
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.ports import Provider
from reconcile.providers.http.call import ProviderAttempt
from reconcile.providers.http.client import AiohttpTransport, BaseUrl, Gateway
from reconcile.simulator import ApiOperation, Fault, FaultKind, Simulator, World, simulate
from tests.provider_lookup import ask

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
EMAIL = "ann@example.com"
DEADLINE = 1050.0


class StillClock:
    """Moves when it is told to, and in sleep."""

    def __init__(self) -> None:
        self.at = NOW
        self.slept: list[timedelta] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 1000.0 + (self.at - NOW).total_seconds()

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)
        self.at += duration


def credential(provider: ProviderName, token: str, account: str | None) -> Credential:
    """Return a credential as it comes out of the store."""
    return Credential(provider=provider, token=Token.parse(token, where="a test"), account=account)


def lead(
    *,
    booking_id: str | None = None,
    provider: ProviderName | None = None,
    contact_id: str | None = None,
    email: str | None = None,
) -> Lead:
    """Return a lead of which only this is known."""
    rollup = Rollup(booking_id=booking_id, provider=provider)
    return Lead(id=LeadId("lead"), workspace_id=WorkspaceId("ws"), email=email, contact_id=contact_id, rollup=rollup)


@dataclass(kw_only=True)
class Arena:
    """One workspace at one provider. *attempts* are all requests that were sent."""

    provider: Provider
    simulator: Simulator
    clock: StillClock
    workspace: Workspace
    gateway: Gateway
    attempts: list[ProviderAttempt] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.simulator.world

    def switch(
        self,
        kind: FaultKind,
        value: str | float | None = None,
        *,
        operation: ApiOperation | None = None,
        times: int | None = None,
    ) -> None:
        """Switch something on for every request, or for those of one operation."""
        self.simulator.faults.add(Fault(kind=kind, value=value, operation=operation, times=times))

    async def ask(self, subject: Lead) -> Answer | SkipReason:
        """Ask about a lead."""
        return await ask(self.provider, subject, self.workspace, deadline=DEADLINE)

    async def answer(self, subject: Lead) -> Answer:
        """Ask about a lead that can be answered."""
        found = await self.ask(subject)
        assert isinstance(found, Answer)
        return found

    async def only(self, subject: Lead) -> Appointment:
        """Ask about a lead that has one appointment."""
        (found,) = (await self.answer(subject)).appointments
        return found

    @property
    def operations(self) -> list[str]:
        """What was asked, in order."""
        return [str(each.operation) for each in self.attempts]

    @property
    def asked(self) -> list[str]:
        """What was asked, without the question for a location's zone."""
        return [each for each in self.operations if each != "location"]


@asynccontextmanager
async def arena(
    build: Callable[[Gateway], Provider],
    *,
    name: ProviderName,
    enter: Callable[[World], Credential],
    timezone: str | None = None,
) -> AsyncIterator[Arena]:
    """Serve an empty world in which *enter* registers the workspace's account."""
    clock = StillClock()
    world = World(now=clock.now, seed=7)
    workspace = Workspace(id=WorkspaceId("ws"), credentials={name: enter(world)}, timezone=timezone)
    attempts: list[ProviderAttempt] = []
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(simulate(world))
        url = simulator.ghl_url if name is ProviderName.HIGHLEVEL else simulator.calendly_url
        gateway = Gateway(
            provider=name,
            base=BaseUrl.parse(url, where="a test"),
            transport=await stack.enter_async_context(AiohttpTransport()),
            clock=clock,
            random=lambda: 0.5,
            on_attempt=attempts.append,
        )
        yield Arena(
            provider=build(gateway),
            simulator=simulator,
            clock=clock,
            workspace=workspace,
            gateway=gateway,
            attempts=attempts,
        )


@asynccontextmanager
async def silence() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Listen at an address where nobody may come; yields it and what was received."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(b"")
        received.append(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", received
