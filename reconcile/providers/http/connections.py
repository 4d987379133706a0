"""A connection pool that closes kept connections on which unrequested bytes arrived.

Such bytes would be read as the response to the next request, and each later response would belong to the request
before: a 404 for one appointment would be used for another.
"""

import select
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

_FINAL = 200
"""Lower statuses are interim; the final response follows (RFC 9110, section 15.2)."""


class WatchedHandler(ResponseHandler):
    """Accepts bytes between a request and the end of its response; any other bytes close the connection."""

    was_used = False
    is_asked = False
    _is_final = False

    def begin(self) -> None:
        """Expect one response."""
        self.was_used = self.is_asked = True
        self._is_final = False
        self._payload = None

    def data_received(self, data: bytes) -> None:
        """Pass *data* on if a response is expected; an empty chunk resumes reading of the previous one."""
        if data and not self.is_asked:
            self.force_close()
            return
        super().data_received(data)
        if self._is_final and self._payload is not None and self._payload.is_eof():
            self.is_asked = False

    def feed_data(self, data: Any, size: int = 0) -> None:  # noqa: ANN401 - the signature is aiohttp's
        """Note whether the head of a response is final."""
        self._is_final = data[0].code >= _FINAL
        super().feed_data(data, size)

    @property
    def is_silent(self) -> bool:
        """Whether no unrequested bytes arrived, neither at the event loop nor in the kernel's buffer."""
        if self.should_close or self.transport is None:
            return False
        if not self.was_used:
            return True
        number = self.transport.get_extra_info("socket").fileno()
        return number >= 0 and not _is_readable(number)


class QuietConnector(aiohttp.TCPConnector):
    """A pool that reuses a kept connection only if no unrequested bytes arrived on it."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit=limit)
        self._factory = cast("partial[ResponseHandler]", partial(WatchedHandler, loop=self._loop))

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> Connection:
        """Return a new connection, or a kept one without bytes since its last response."""
        while True:
            connection = await super().connect(req, traces, timeout)
            handler = connection.protocol
            if not isinstance(handler, WatchedHandler):
                raise TypeError("aiohttp no longer creates connections with WatchedHandler")
            if handler.is_silent:
                handler.begin()
                return connection
            connection.close()
            if not handler.was_used:
                raise aiohttp.ClientPayloadError("the server sent bytes before a request")


def _is_readable(number: int) -> bool:
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
