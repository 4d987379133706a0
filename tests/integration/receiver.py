"""Servers on loopback for tests: a webhook that records and can delay, and a listener that must get no connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request as it arrived; header names are lower-case."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.headers["idempotency-key"]


@dataclass
class Receiver:
    """A webhook's other end. While it is *shut*, deliveries arrive and get no answer."""

    url: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    is_shut: bool = False

    async def open(self) -> None:
        """Answer what waits, and whatever comes."""
        self.is_shut = False
        async with self.changed:
            self.changed.notify_all()

    async def until(self, count: int) -> None:
        """Return when so many deliveries have arrived."""
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.deliveries) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests off one connection until its other end has had enough."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                pairs = (line.partition(":") for line in head[1:] if line)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                async with self.changed:
                    self.deliveries.append(Delivery(target=head[0].split(" ")[1], headers=headers, body=body))
                    self.changed.notify_all()
                    await self.changed.wait_for(lambda: not self.is_shut)
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    """Give a webhook that listens for the length of a block."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        await receiver.open()
        server.close()


@dataclass
class Listener:
    """A listener at an address that no request is for; *received* are the bytes of all connections."""

    port: int = 0
    connection_count: int = 0
    received: bytes = b""

    @property
    def authority(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count the connection and store its bytes."""
        self.connection_count += 1
        self.received += await reader.read(65536)
        writer.close()


@asynccontextmanager
async def start_listener() -> AsyncIterator[Listener]:
    """Give a listener for the length of a block."""
    listener = Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
