"""A server that answers what was not asked: nothing of it is read as the answer to the next request."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile.providers.http.client import AiohttpTransport, Client
from reconcile.providers.http.retry import RetryPolicy
from tests.providers.http.conftest import CALL, RealClock, StillClock
from tests.providers.http.listener import Peer, Script, listening
from tests.timeouts import HUNG

CERTIFICATES = Path(__file__).parent / "certificates"
ONCE = RetryPolicy(attempts=1)
Make = Callable[..., Client]


def numbered(peer: Peer, number: int, status: str = "200 OK") -> bytes:
    body = b'{"connection":%d,"answer":%d}' % (peer.number, number)
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


GONE = b'HTTP/1.1 404 Not Found\r\nContent-Length: 35\r\n\r\n{"message":"Appointment not found"}\n'
UNASKED = {
    "a whole answer": GONE,
    "two answers": GONE * 2,
    "half of a head": GONE[:20],
    "half of a body": GONE[:-10],
    "garbage": b"\x00\x16\x03",
    "one byte": b"H",
    "an empty line": b"\r\n",
}


WHOLE = ("a whole answer", "two answers")


@pytest.fixture
def clock() -> StillClock:
    return RealClock()


def soon() -> float:
    return time.monotonic() + HUNG


@dataclass
class Course:
    """What the server waits for, and what the test waits for."""

    was_answered: asyncio.Event = field(default_factory=asyncio.Event)
    was_sent: asyncio.Event = field(default_factory=asyncio.Event)


def answering_twice(unasked: bytes, course: Course, *, later: bool) -> Script:
    """Answer each request, and the first of all with something more: in one piece with it, or once it was read."""

    async def script(peer: Peer) -> None:
        number = 0
        while True:
            await peer.head()
            number += 1
            is_first = (peer.number, number) == (1, 1)
            await peer.say(numbered(peer, number) + (unasked if is_first and not later else b""))
            if is_first and later:
                await course.was_answered.wait()
                await peer.say(unasked)
            course.was_sent.set()

    return script


@pytest.mark.parametrize("unasked", UNASKED)
@pytest.mark.parametrize("is_read", [True, False], ids=["read by the loop", "in the kernel"])
async def test_bytes_on_an_idle_connection_close_it(client: Make, unasked: str, is_read: bool) -> None:
    """The next request is sent, and answered, on a new one."""
    course = Course()
    async with listening(answering_twice(UNASKED[unasked], course, later=True)) as server:
        asking = client(server.url, policy=ONCE)
        first = await asking.ask(CALL, deadline=soon())
        course.was_answered.set()
        await course.was_sent.wait()
        if is_read:
            for _ in range(20):
                await asyncio.sleep(0)
        second = await asking.ask(CALL, deadline=soon())
        third = await asking.ask(CALL, deadline=soon())

    assert first.body == {"connection": 1, "answer": 1}
    assert second.body == {"connection": 2, "answer": 1}
    assert third.body == {"connection": 2, "answer": 2}
    assert server.connections == 2


@pytest.mark.parametrize("unasked", UNASKED)
async def test_extra_bytes_after_a_response_are_no_response(client: Make, unasked: str) -> None:
    """It is forgotten with the connection or on it; where it breaks the answer itself, that is asked for again."""
    async with listening(answering_twice(UNASKED[unasked], Course(), later=False)) as server:
        asking = client(server.url, policy=RetryPolicy(attempts=2, base=timedelta(0)))
        replies = [await asking.ask(CALL, deadline=soon()) for _ in range(4)]

    assert {each.status for each in replies} == {200}
    places = [(each.body["connection"], each.body["answer"]) for each in replies]
    assert places == sorted(places)
    if unasked in WHOLE:
        assert places == [(1, 1), (2, 1), (2, 2), (2, 3)]


async def test_an_interim_answer_is_no_answer(client: Make) -> None:
    """It may come in one piece with the final one, or before it."""

    async def script(peer: Peer) -> None:
        for number in range(1, 5):
            await peer.head()
            await peer.say(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            if number % 2:
                await asyncio.sleep(0.01)
            await peer.say(numbered(peer, number))

    async with listening(script) as server:
        asking = client(server.url, policy=ONCE)
        answers = [(await asking.ask(CALL, deadline=soon())).body for _ in range(4)]

    assert answers == [{"connection": 1, "answer": number} for number in range(1, 5)]


async def test_a_silent_connection_is_kept(client: Make) -> None:
    """Under TLS as well, where the handshake has messages of its own."""

    async def script(peer: Peer) -> None:
        for number in range(1, 9):
            await peer.head()
            await peer.say(numbered(peer, number))

    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(CERTIFICATES / "good.pem")
    for tls in (None, server_side):
        async with (
            listening(script, tls=tls) as server,
            AiohttpTransport(ca_file=str(CERTIFICATES / "root.pem")) as over,
        ):
            address = server.url if tls is None else server.url.replace("http://127.0.0.1", "https://localhost")
            asking = client(address, over=over, policy=ONCE)
            answers = [(await asking.ask(CALL, deadline=soon())).body["answer"] for _ in range(8)]

        assert answers == list(range(1, 9))
        assert server.connections == 1
