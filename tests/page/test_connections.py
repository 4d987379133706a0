"""Slow clients of the page: they are closed, and whoever asks properly is answered."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from reconcile.bootstrap.page_server import bug_logger
from reconcile.errors import StoreUnavailable
from reconcile.page.auth import PageAuth
from reconcile.page.connections import MAX_CONNECTIONS, REQUEST, WAIT, ConnectionLimits, most_connections
from reconcile.page.documents import Sources
from reconcile.page.server import serve
from tests.services.fakes import FakeClock
from tests.timeouts import HUNG

HALF_SENT = 300


def test_a_connection_without_a_whole_request_in_time_is_overdue() -> None:
    limits = ConnectionLimits[str]()

    assert limits.overdue(["a"], 0) == []
    assert limits.overdue(["a", "b"], WAIT) == []
    assert limits.overdue(["a", "b"], WAIT + 1) == ["a"]


def test_a_kept_connection_waits_from_its_last_answer_on() -> None:
    limits = ConnectionLimits[str]()
    limits.begin("a", 0)

    assert limits.overdue(["a"], REQUEST) == []
    limits.end("a", REQUEST)
    assert limits.overdue(["a"], REQUEST + WAIT) == []
    assert limits.overdue(["a"], REQUEST + WAIT + 1) == ["a"]


def test_an_unread_response_is_overdue() -> None:
    limits = ConnectionLimits[str]()
    limits.begin("a", 0)

    assert limits.overdue(["a"], REQUEST + 1) == ["a"]


def test_of_too_many_connections_those_that_wait_the_longest_are_overdue_and_none_that_is_answered() -> None:
    limits = ConnectionLimits[str](most=2)
    limits.begin("answered", 0)
    limits.overdue(["answered", "first"], 1)
    limits.overdue(["answered", "first", "second"], 2)

    assert limits.overdue(["answered", "first", "second", "third"], 3) == ["first", "second"]


def test_ended_connections_are_removed() -> None:
    limits = ConnectionLimits[str]()
    limits.overdue(["a"], 0)
    limits.overdue([], 1)

    assert limits.overdue(["a"], WAIT + 1) == []


def test_the_limit_leaves_files_for_the_database() -> None:
    assert 1 <= most_connections() <= MAX_CONNECTIONS


async def _rest_of(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the server closes the connection, in order or by a reset."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
async def test_half_sent_requests_are_closed_and_health_answers(sent: bytes) -> None:
    clock, ready = FakeClock(), asyncio.get_running_loop().create_future()

    async def fail(_: object = None) -> Any:
        raise StoreUnavailable("no document is asked for")

    sources = Sources(page=fail, status=fail, gauges=fail, unreachable=())
    door = PageAuth.at("127.0.0.1", token=None)
    task = asyncio.create_task(
        serve(door, port=0, sources=sources, clock=clock, logger=bug_logger(), on_ready=ready.set_result)
    )
    try:
        async with asyncio.timeout(HUNG), AsyncExitStack() as stack:
            url = await ready
            place = urlsplit(url)
            slow = [await asyncio.open_connection(place.hostname, place.port) for _ in range(HALF_SENT)]
            for _, writer in slow:
                stack.callback(writer.close)
                writer.write(sent)
            excess = [_rest_of(reader) for reader, _ in slow[: HALF_SENT - MAX_CONNECTIONS]]

            assert await asyncio.gather(*excess) == [b""] * len(excess)
            assert await health(url) == 200

            clock.advance(timedelta(seconds=WAIT + 1))
            rest = [_rest_of(reader) for reader, _ in slow[HALF_SENT - MAX_CONNECTIONS :]]

            assert await asyncio.gather(*rest) == [b""] * len(rest)
            assert await health(url) == 200
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def health(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{url}healthz") as answer:
        return answer.status
