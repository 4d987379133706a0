"""HTTP/1.1 on sockets: a protocol that is cheap per request, and can violate every rule of HTTP."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import TypeAlias

from reconcile.simulator.wire import Delivery, Manner, Request

Respond: TypeAlias = Callable[[Request], Delivery]

_HEAD_END = b"\r\n\r\n"
_LARGEST_HEAD = 64 * 1024
_LARGEST_BODY = 1024 * 1024
_LINGER_NOT = struct.pack("ii", 1, 0)
_REFUSAL = b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Connections:
    """State shared by all connections: open ones, held responses, and a callback for their end."""

    def __init__(self, *, on_done: Callable[[], None]) -> None:
        self.open: set[Connection] = set()
        self.held: list[Connection] = []
        self.on_done = on_done

    def release(self) -> int:
        """Send every held response, oldest first, and return their number."""
        held, self.held = self.held, []
        for connection in held:
            connection.release()
        return len(held)

    def abort(self) -> None:
        """Close every connection."""
        for connection in tuple(self.open):
            connection.abort()


class Connection(asyncio.Protocol):
    """One client's connection: reads a request, has it answered, and delivers the response as the faults say."""

    __slots__ = ("_buffer", "_close", "_connections", "_peer", "_pending", "_respond", "_timer", "_transport")

    def __init__(self, respond: Respond, connections: Connections) -> None:
        self._respond = respond
        self._connections = connections
        self._buffer = b""
        self._close = False
        self._pending: Delivery | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register as an open connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server makes no other
        self._transport = transport
        self._peer = (transport.get_extra_info("peername") or ("",))[0]
        self._connections.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Unregister; a pending response is dropped."""
        self._connections.open.discard(self)
        if self in self._connections.held:
            self._connections.held.remove(self)
        if self._timer:
            self._timer.cancel()
        if self._pending:
            self._finish_request()

    def data_received(self, data: bytes) -> None:
        """Answer all complete requests, one after the other."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._pending is None:
            self._next()

    def release(self) -> None:
        """Send the held response."""
        if self._pending:
            self._send_whole(self._pending)
            self._next()

    def abort(self) -> None:
        """Close the connection without a response."""
        self._transport.abort()

    def _next(self) -> None:
        while self._pending is None and self._buffer and not self._transport.is_closing():
            request = self._read()
            if request is None:
                return
            delivery = self._pending = self._respond(request)
            if delivery.delay > 0:
                self._timer = asyncio.get_running_loop().call_later(delivery.delay, self._start_late)
            else:
                self._start()

    def _read(self) -> Request | None:
        """Take one complete request off the buffer, or return None until more data arrives."""
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            if len(self._buffer) > _LARGEST_HEAD:
                self._refuse(431, b"Request Header Fields Too Large")
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        start, length = end + len(_HEAD_END), headers.get("content-length", "0")
        words = lines[0].split(" ")
        if len(words) != 3 or not length.isdigit():  # noqa: PLR2004 - method, target, version
            self._refuse(400, b"Bad Request")
            return None
        if "transfer-encoding" in headers:
            self._refuse(411, b"Length Required")
            return None
        if int(length) > _LARGEST_BODY:
            self._refuse(413, b"Content Too Large")
            return None
        if len(self._buffer) < start + int(length):
            return None
        body = self._buffer[start : start + int(length)]
        self._buffer = self._buffer[start + int(length) :]
        self._close = headers.get("connection", "").lower() == "close"
        path, _, query_string = words[1].partition("?")
        return Request(
            method=words[0], path=path, query_string=query_string, headers=headers, body=body, peer=self._peer
        )

    def _start_late(self) -> None:
        self._start()
        self._next()

    def _start(self) -> None:
        delivery = self._pending
        if delivery is None or self._transport.is_closing():
            return
        match delivery.manner:
            case Manner.WHOLE | Manner.SILENT_CLOSE:
                self._send_whole(delivery)
            case Manner.HOLD:
                self._connections.held.append(self)
            case Manner.RESET:
                self._reset()
            case Manner.RESET_MID_BODY:
                self._transport.write(delivery.head + delivery.body[: len(delivery.body) // 2])
                self._reset()
            case Manner.TRUNCATE:
                self._transport.write(delivery.head + delivery.body)
                self._transport.close()
            case Manner.SLOW_DRIP:
                self._transport.write(delivery.head)
                self._drip(delivery, 0)
            case Manner.BLACK_HOLE:
                pass

    def _send_whole(self, delivery: Delivery) -> None:
        self._transport.write(delivery.head + delivery.body)
        self._finish_request()
        if self._close or delivery.manner is Manner.SILENT_CLOSE:
            self._transport.close()

    def _drip(self, delivery: Delivery, sent: int) -> None:
        if sent == len(delivery.body):
            self._finish_request()
            self._next()
            return
        self._transport.write(delivery.body[sent : sent + 1])
        self._timer = asyncio.get_running_loop().call_later(delivery.pause, self._drip, delivery, sent + 1)

    def _reset(self) -> None:
        """Close so that the client sees a reset."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    def _refuse(self, status: int, phrase: bytes) -> None:
        self._transport.write(_REFUSAL % (status, phrase))
        self._transport.close()

    def _finish_request(self) -> None:
        delivery, self._pending = self._pending, None
        if delivery and delivery.is_counted:
            self._connections.on_done()
