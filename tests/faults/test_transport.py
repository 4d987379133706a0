"""A proxy between us and a provider does to the bytes of either direction what networks do to them."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import Random
from urllib.parse import urlsplit

import pytest

from reconcile import bootstrap
from reconcile.domain.ids import ProviderName
from reconcile.domain.planning.change import Answer
from reconcile.drill.company import lead_of, workspace_of
from reconcile.errors import ProviderError
from reconcile.simulator import Api, Scenario, WorldSize
from tests.faults.proxy import reset
from tests.integration.processes import a_simulator
from tests.provider_lookup import ask

pytestmark = pytest.mark.integration

ATTEMPT = timedelta(seconds=0.4)
DEADLINE = 0.7
LATE = 0.25
OFFSETS = (0, 1, 16, 200)
"""Bytes after which it happens: before the first, in the first line, in the head, in the body or behind the request."""
Send = Callable[[bytes], Awaitable[None]]
Toxic = Callable[[bytes, Send, int], Awaitable[bool]]
"""Passes some bytes on, of which so many went before them; tells whether the connection is to go on."""


async def passes(data: bytes, send: Send, _before: int) -> bool:
    await send(data)
    return True


async def late(data: bytes, send: Send, _before: int) -> bool:
    await asyncio.sleep(0.1)
    await send(data)
    return True


async def sliced(data: bytes, send: Send, _before: int) -> bool:
    for number in range(len(data)):
        await send(data[number : number + 1])
    return True


async def dripping(data: bytes, send: Send, _before: int) -> bool:
    for number in range(len(data)):
        await send(data[number : number + 1])
        await asyncio.sleep(0.02)
    return True


def cut(at: int, *, stalls: bool = False) -> Toxic:
    async def toxic(data: bytes, send: Send, before: int) -> bool:
        left = at - before
        await send(data[: max(0, left)])
        if left < len(data) and stalls:
            await asyncio.Event().wait()
        return left >= len(data)

    return toxic


def corrupt(at: int) -> Toxic:
    async def toxic(data: bytes, send: Send, before: int) -> bool:
        place = at - before
        if 0 <= place < len(data):
            data = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        await send(data)
        return True

    return toxic


TOXICS: dict[str, Toxic] = {
    "late": late,
    "sliced": sliced,
    "dripping": dripping,
    **{f"cut after {at}": cut(at) for at in OFFSETS},
    **{f"stalled after {at}": cut(at, stalls=True) for at in OFFSETS},
    **{f"corrupt at {at}": corrupt(at) for at in OFFSETS},
}


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, toxic: Toxic) -> None:
    """Carry the bytes of one direction."""

    async def send(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    before = 0
    while data := await reader.read(65536):
        if not await toxic(data, send, before):
            return
        before += len(data)


@asynccontextmanager
async def through(url: str, *, up: Toxic, down: Toxic) -> AsyncIterator[str]:
    """Put a proxy before *url* for a block."""
    there = urlsplit(url)
    tasks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection(there.hostname, there.port)
        pumps = [
            asyncio.create_task(pump(reader, back_writer, up)),
            asyncio.create_task(pump(back_reader, writer, down)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in pumps:
                each.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (writer, back_writer):
                reset(end)

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(carry(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # aborted connections are closed in the loop's next round


async def awake_after(seconds: float) -> float:
    """Sleep, and return for how long it was."""
    began = time.monotonic()
    await asyncio.sleep(seconds)
    return time.monotonic() - began


async def test_any_fault_of_a_connection_ends_in_time_without_effect_on_others(is_thorough: bool) -> None:
    size = WorldSize(workspaces=2, leads_per_workspace=2, calendly_share=0.0, mix={Scenario.CONFIRMED: 1})
    every = list(itertools.product(TOXICS, ("up", "down")))
    clock = bootstrap.SystemClock()
    async with a_simulator(seed=1, size=size) as simulator:
        leads = [lead_of(each) for each in simulator.world.leads if each.api is Api.GHL]
        workspaces = {each.id: workspace_of(each) for each in simulator.world.workspaces.values()}
        subject, other = leads[0], leads[-1]
        assert subject.workspace_id != other.workspace_id
        async with bootstrap.providers_at(
            ghl_url=simulator.ghl_url, calendly_url=simulator.ghl_url, clock=clock, random=Random(1)
        ) as first:  # the first call loads the HTTP client, which takes long on a busy machine
            deadline = time.monotonic() + 30
            await ask(first[ProviderName.HIGHLEVEL], other, workspaces[other.workspace_id], deadline=deadline)
        for name, direction in every if is_thorough else every[::5]:
            toxic = TOXICS[name]
            up, down = (toxic, passes) if direction == "up" else (passes, toxic)
            async with (
                through(simulator.ghl_url, up=up, down=down) as url,
                bootstrap.providers_at(
                    ghl_url=url, calendly_url=url, clock=clock, random=Random(1), attempt_timeout=ATTEMPT
                ) as bad,
                bootstrap.providers_at(
                    ghl_url=simulator.ghl_url, calendly_url=url, clock=clock, random=Random(1)
                ) as good,
            ):
                ghl = ProviderName.HIGHLEVEL
                began = time.monotonic()
                # How late a busy machine wakes anybody who has slept as long is not ours.
                slept = asyncio.create_task(awake_after(DEADLINE))
                beside = asyncio.create_task(ask(good[ghl], other, workspaces[other.workspace_id], deadline=began + 30))
                answer = None
                with suppress(ProviderError):
                    answer = await ask(bad[ghl], subject, workspaces[subject.workspace_id], deadline=began + DEADLINE)
                took = time.monotonic() - began
                allowed = max(DEADLINE, await slept) + LATE

                assert took <= allowed, (name, direction, took)
                assert isinstance(await beside, Answer), (name, direction)
                is_cut = direction == "down" and name.startswith(("cut", "stalled"))
                assert not (is_cut and answer), (name, direction)
