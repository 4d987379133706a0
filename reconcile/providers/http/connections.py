"""Kept connections: one on which something came that was not asked for is closed and never used again.

What a server sends without a request would be read as the answer to the next one, and each later answer would shift by
one: a 404 for one appointment would be believed of another.
"""

import select
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

_FINAL = 200
"""Lower statuses are interim: the answer is yet to come (RFC 9110, section 15.2)."""


class WatchedHandler(ResponseHandler):
    """Reads what comes between a request and the end of its answer; anything else ends the connection."""

    was_used = False
    is_asked = False
    _is_final = False

    def begin(self) -> None:
        """Expect one answer."""
        self.was_used = self.is_asked = True
        self._is_final = False
        self._payload = None

    def data_received(self, data: bytes) -> None:
        """Read *data* if it was asked for; an empty chunk only resumes the reading of the one before."""
        if data and not self.is_asked:
            self.force_close()
            return
        super().data_received(data)
        if self._is_final and self._payload is not None and self._payload.is_eof():
            self.is_asked = False

    def feed_data(self, data: Any, size: int = 0) -> None:  # noqa: ANN401 - the signature is aiohttp's
        """Take the head of an answer."""
        self._is_final = data[0].code >= _FINAL
        super().feed_data(data, size)

    @property
    def is_silent(self) -> bool:
        """Whether nothing came without being asked for, neither to the event loop nor, as yet, to the kernel alone."""
        if self.should_close or self.transport is None:
            return False
        if not self.was_used:
            return True
        number = self.transport.get_extra_info("socket").fileno()
        return number >= 0 and not _is_readable(number)


class QuietConnector(aiohttp.TCPConnector):
    """A pool that hands out a kept connection only while nothing has come on it."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit=limit)
        self._factory = cast("partial[ResponseHandler]", partial(WatchedHandler, loop=self._loop))

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> Connection:
        """Return a new connection, or a kept one that was silent since its last answer."""
        while True:
            connection = await super().connect(req, traces, timeout)
            handler = connection.protocol
            if not isinstance(handler, WatchedHandler):
                raise TypeError("aiohttp no longer makes the handlers that are watched")
            if handler.is_silent:
                handler.begin()
                return connection
            connection.close()
            if not handler.was_used:
                raise aiohttp.ClientPayloadError("a server that speaks before it is asked")


def _is_readable(number: int) -> bool:
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
