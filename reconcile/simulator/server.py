"""The running simulator: started in its own process or inside a test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from reconcile.simulator.admin import PREFIX, Admin
from reconcile.simulator.faults.fault import Fault
from reconcile.simulator.faults.registry import FaultRegistry
from reconcile.simulator.limits import Limits
from reconcile.simulator.request_log import RequestLog
from reconcile.simulator.router import Router
from reconcile.simulator.transport import Connection, Connections, Respond
from reconcile.simulator.wire import Api, Delivery, Request
from reconcile.simulator.world import World

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """A running simulator.

    Each provider has its own address, so that a token sent to the wrong one is detected; both serve the admin endpoint.
    A change of the world or the faults applies from the next request on.
    """

    world: World
    ghl_url: str
    calendly_url: str
    router: Router
    connections: Connections

    @property
    def faults(self) -> FaultRegistry:
        """The active faults."""
        return self.router.faults

    @property
    def requests(self) -> RequestLog:
        """The requests and their responses."""
        return self.router.log

    def release(self) -> int:
        """Send the responses that ``hold`` keeps back, and return their number."""
        return self.connections.release()

    def set_latency(self, latency: timedelta) -> None:
        """Set the latency of responses without a latency fault."""
        self.router.latency = latency.total_seconds()


@asynccontextmanager
async def simulate(  # noqa: PLR0913 - the settings of a server, each with its default
    world: World,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    faults: tuple[Fault, ...] = (),
    latency: timedelta = timedelta(),
    enforce_limits: bool = False,
) -> AsyncIterator[Simulator]:
    """Serve *world* for the duration of the block.

    GHL listens on *port* and Calendly on the next one; with 0 both use any free port.
    """
    router = Router(world=world, limits=Limits(enforced=enforce_limits), latency=latency.total_seconds())
    router.faults.add(*faults)
    connections = Connections(on_done=router.log.finish_request)
    admin = Admin(router, release=connections.release)
    loop = asyncio.get_running_loop()
    servers: list[asyncio.Server] = []
    try:
        for number, api in enumerate(Api):
            respond = _responder(router, admin, api)
            door = partial(Connection, respond, connections)
            servers.append(await loop.create_server(door, host, port + number if port else 0, backlog=_BACKLOG))
        ghl_url, calendly_url = (_url(server) for server in servers)
        yield Simulator(world=world, ghl_url=ghl_url, calendly_url=calendly_url, router=router, connections=connections)
    finally:
        for server in servers:
            server.close()
        connections.abort()
        for server in servers:
            await server.wait_closed()


async def serve(  # noqa: PLR0913 - as above
    world: World,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    faults: tuple[Fault, ...] = (),
    latency: timedelta = timedelta(),
    enforce_limits: bool = True,
    on_ready: Callable[[Simulator], None] = lambda _: None,
) -> None:
    """Serve *world* until the task is canceled; *on_ready* receives the addresses."""
    async with simulate(
        world, host=host, port=port, faults=faults, latency=latency, enforce_limits=enforce_limits
    ) as simulator:
        on_ready(simulator)
        await asyncio.Event().wait()


def _responder(router: Router, admin: Admin, api: Api) -> Respond:
    def respond(request: Request) -> Delivery:
        if request.path.startswith(PREFIX):
            return admin.respond(request)
        return router.respond(api, request)

    return respond


def _url(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
