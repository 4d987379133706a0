"""A user-space proxy before PostgreSQL that knows where one exchange of its protocol ends and the next begins."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

_CANCEL, _ASKS_FOR_TLS, _ASKS_FOR_GSS = 80877102, 80877103, 80877104
_ENDS = frozenset({b"S", b"Q"})
"""Sync and Query: what the client says last before it waits for an answer."""
_READY = b"Z"
_HELD = frozenset({b"P", b"B", b"D", b"E", b"C"})
"""Parse, Bind, Describe, Execute, Close: they wait for what ends their exchange, so that a cut lets none through."""


class Phase(StrEnum):
    """Where in an exchange something happens."""

    ASKED = "asked"
    """The statement has left the client and has not reached the database."""
    ANSWERED = "answered"
    """The database has done it, and the client does not know."""


class Listens(StrEnum):
    """How the database is to be found."""

    PASSES = "passes"
    RESETS = "resets"
    """Whoever connects is thrown out."""
    IS_SILENT = "is_silent"
    """Whoever connects, or is connected, hears nothing."""


Deed = Callable[[], Awaitable[None]]


class _Over(Exception):
    """The connection is to be reset."""


@dataclass
class Proxy:
    """Counts exchanges over all its connections; at number *cut_at* it does *deed*, or resets the connection."""

    upstream: tuple[str, int]
    url: str = ""
    exchanges: int = 0
    statements: list[bytes] = field(default_factory=list)
    """The beginning of the last text that was sent before each exchange ended."""
    cut_at: int | None = None
    phase: Phase = Phase.ASKED
    deed: Deed | None = None
    listens: Listens = Listens.PASSES
    delay: float = 0.0
    unanswered: int = 0
    """Messages that were kept back because the database is silent."""
    before_writing: list[Deed] = field(default_factory=list)
    """Done before each BEGIN is passed on: a run has read by then, and has not locked what it is about to write."""
    before_statement: tuple[bytes, Deed] | None = None
    """What is done before a statement that begins with these bytes is passed on."""
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self, at: int, phase: Phase = Phase.ASKED, *, deed: Deed | None = None) -> None:
        """Count anew, and let it happen at exchange number *at*, which is 1 for the first."""
        self.heal()
        self.cut_at, self.phase, self.deed = at, phase, deed

    def heal(self) -> None:
        """Let everything pass, and count anew."""
        self.exchanges, self.statements, self.cut_at = 0, [], None
        self.listens, self.delay = Listens.PASSES, 0.0

    def reset_all(self) -> None:
        """Reset every connection that there is."""
        for writer in list(self._writers):
            reset(writer)

    async def go_away(self) -> None:
        """Be as a server that is stopped at once: nobody is served, and nobody can connect."""
        self.listens = Listens.RESETS
        self.reset_all()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        if self.listens is Listens.RESETS:
            reset(writer)
            return
        try:
            there_reader, there_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            reset(writer)
            return
        wire = _Wire(self, reader, writer, there_reader, there_writer)
        self._writers |= {writer, there_writer}
        try:
            await wire.carry()
        finally:
            self._writers -= {writer, there_writer}

    async def come_before(self, text: bytes) -> None:
        """Do what is to be done before this statement; *text* may begin with the statement's name."""
        if self.before_statement is not None:
            beginning, deed = self.before_statement
            if text.rpartition(b"\0")[2].startswith(beginning) or text.partition(b"\0")[2].startswith(beginning):
                await deed()

    async def come_to(self, number: int, phase: Phase) -> None:
        """Do what is to be done at this exchange in this phase."""
        if number != self.cut_at or phase is not self.phase:
            return
        self.cut_at = None
        if self.deed is None:
            raise _Over
        await self.deed()


@dataclass
class _Wire:
    """One connection, taken apart into messages in both directions."""

    proxy: Proxy
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    there_reader: asyncio.StreamReader
    there_writer: asyncio.StreamWriter
    number: int = 0
    """Of the exchange that is under way."""

    async def carry(self) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, _Over):
                if await self._begin():
                    await self._both()
        finally:
            for writer in (self.writer, self.there_writer):
                reset(writer)

    async def _both(self) -> None:
        pumps = [asyncio.create_task(self._forth()), asyncio.create_task(self._back())]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _begin(self) -> bool:
        """Pass what comes before there are messages; return whether any will come."""
        while True:
            head = await self.reader.readexactly(8)
            length, code = struct.unpack("!II", head)
            await self._send(self.there_writer, head + await self.reader.readexactly(length - 8))
            if code == _CANCEL:
                return False
            if code not in {_ASKS_FOR_TLS, _ASKS_FOR_GSS}:
                return True
            await self._send(self.writer, await self.there_reader.readexactly(1))

    async def _forth(self) -> None:
        held = b""
        text = b""
        while True:
            kind, message = await _message(self.reader)
            held += message
            if kind in {b"P", b"Q"}:
                text = message[5:]
            if kind == b"Q" and text.startswith(b"BEGIN"):
                for deed in list(self.proxy.before_writing):
                    await deed()
            if kind in _ENDS:
                await self.proxy.come_before(text)
                self.proxy.exchanges += 1
                self.number = self.proxy.exchanges
                self.proxy.statements.append(text.strip(b"\0")[:60])
                await self.proxy.come_to(self.number, Phase.ASKED)
            if kind not in _HELD:
                if self.proxy.delay:
                    await asyncio.sleep(self.proxy.delay)
                await self._send(self.there_writer, held)
                held = b""

    async def _back(self) -> None:
        kept = b""
        while True:
            kind, message = await _message(self.there_reader)
            kept += message
            if self.number == self.proxy.cut_at and self.proxy.phase is Phase.ANSWERED and kind != _READY:
                continue
            if kind == _READY:
                await self.proxy.come_to(self.number, Phase.ANSWERED)
            await self._send(self.writer, kept)
            kept = b""

    async def _send(self, to: asyncio.StreamWriter, message: bytes) -> None:
        if self.proxy.listens is Listens.IS_SILENT:
            self.proxy.unanswered += 1
            await asyncio.Event().wait()
        to.write(message)
        await to.drain()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection as a machine does that has forgotten it."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def a_proxy(url: str) -> AsyncIterator[Proxy]:
    """Put a proxy before the database at *url*; its own URL leads to the same database."""
    parts = urlsplit(url)
    proxy = Proxy(upstream=(parts.hostname or "", parts.port or 5432))
    running: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user = f"{parts.username}:{parts.password}@" if parts.password else f"{parts.username}@"
    proxy.url = parts._replace(netloc=f"{user}127.0.0.1:{port}").geturl()
    try:
        yield proxy
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0)  # aborted connections are closed in the loop's next round
