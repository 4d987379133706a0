"""How answers reach a client, or do not."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from reconcile.simulator import FaultKind, Simulator
from tests.simulator.conftest import LIMIT, Caller

PATH = "/calendars/events/appointments/app-1"
REQUEST = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer pit-1\r\nVersion: v3\r\n\r\n".encode()


class Raw:
    """A bare connection to GHL's door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[bytes, bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return head, await self.reader.readexactly(length)


@pytest.fixture
async def raw(simulator: Simulator) -> AsyncIterator[Raw]:
    url = urlsplit(simulator.ghl_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    async with asyncio.timeout(LIMIT.total_seconds()):
        yield Raw(reader, writer)
    writer.close()


async def test_a_black_hole_takes_the_request_and_never_answers(simulator: Simulator, ghl: Caller, switch: Any) -> None:
    switch(FaultKind.BLACK_HOLE, workspace="ws-1")
    waiting = asyncio.create_task(ghl.get(PATH))
    await simulator.requests.until(lambda: simulator.requests.total == 1)

    assert not waiting.done()
    assert simulator.requests.in_flight == 1

    waiting.cancel()
    await simulator.requests.until(lambda: simulator.requests.in_flight == 0)
    assert simulator.requests.count(answered="black_hole") == 1


async def test_answers_are_held_until_they_are_released(simulator: Simulator, ghl: Caller, switch: Any) -> None:
    switch(FaultKind.HOLD)
    waiting = [asyncio.create_task(ghl.get(PATH)) for _ in range(3)]
    await simulator.requests.until(lambda: simulator.requests.in_flight == 3)

    assert simulator.release() == 3
    assert [(await each).status_code for each in waiting] == [200] * 3
    assert simulator.requests.peak_in_flight == 3


async def test_an_answer_for_a_client_that_went_away_is_not_released(
    simulator: Simulator, ghl: Caller, switch: Any
) -> None:
    switch(FaultKind.HOLD)
    waiting = asyncio.create_task(ghl.get(PATH))
    await simulator.requests.until(lambda: simulator.requests.in_flight == 1)
    waiting.cancel()
    await simulator.requests.until(lambda: simulator.requests.in_flight == 0)

    assert simulator.release() == 0


async def test_a_reset_comes_before_any_header(raw: Raw, switch: Any) -> None:
    switch(FaultKind.RESET)
    raw.writer.write(REQUEST)

    with pytest.raises(ConnectionResetError):
        await raw.reader.read()


async def test_a_reset_can_come_within_the_body(raw: Raw, switch: Any) -> None:
    switch(FaultKind.RESET_MID_BODY)
    raw.writer.write(REQUEST)

    with pytest.raises(ConnectionResetError):
        await raw.answer()


async def test_a_truncated_answer_promises_more_than_comes(raw: Raw, switch: Any) -> None:
    switch(FaultKind.TRUNCATE, 10)
    raw.writer.write(REQUEST)

    with pytest.raises(asyncio.IncompleteReadError) as cut:
        await raw.answer()

    assert cut.value.expected == len(cut.value.partial) + 10


async def test_garbage_stands_where_the_status_should(ghl: Caller, switch: Any, simulator: Simulator) -> None:
    switch(FaultKind.GARBAGE)

    with pytest.raises(httpx.RemoteProtocolError):
        await ghl.get(PATH)
    assert simulator.requests.count(answered="garbage") == 1


async def test_a_dripping_body_is_whole_in_the_end(raw: Raw, switch: Any) -> None:
    switch(FaultKind.SLOW_DRIP, 0)
    raw.writer.write(REQUEST)

    _, body = await raw.answer()

    assert orjson.loads(body)["event"]["id"] == "app-1"


async def test_a_connection_can_end_unannounced_after_an_answer(raw: Raw, switch: Any) -> None:
    switch(FaultKind.SILENT_CLOSE)
    raw.writer.write(REQUEST)

    head, _ = await raw.answer()

    assert b"connection" not in head.lower()
    assert await raw.reader.read() == b""


async def test_latency_puts_answers_in_order(ghl: Caller, switch: Any) -> None:
    """The one that was asked first and has to wait comes last."""
    switch(FaultKind.LATENCY, 200, subject="loc-1")
    order: list[str] = []

    async def ask(path: str) -> None:
        await ghl.get(path)
        order.append(path)

    async with asyncio.TaskGroup() as group:
        group.create_task(ask("/locations/loc-1"))
        group.create_task(ask(PATH))

    assert order == [PATH, "/locations/loc-1"]


async def test_json_can_be_cut_under_a_true_length(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.CUT_JSON)

    response = await ghl.get(PATH)

    assert response.status_code == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(response.content)


async def test_a_body_can_be_empty(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.EMPTY_BODY)

    assert (await ghl.get(PATH)).content == b""


async def test_a_body_can_be_oversize(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.OVERSIZE, 100_000)

    response = await ghl.get(PATH)

    assert len(response.content) > 100_000
    assert response.json()["event"]["id"] == "app-1"


async def test_json_can_be_deep(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.DEEP_JSON, 5)

    assert (await ghl.get(PATH)).json()["_deep"] == [[[[[]]]]]


async def test_a_gzip_body_can_inflate(raw: Raw, switch: Any) -> None:
    switch(FaultKind.GZIP_BOMB, 1_000_000)
    raw.writer.write(REQUEST)

    head, body = await raw.answer()

    assert b"Content-Encoding: gzip" in head
    assert len(body) < 5_000
    assert len(gzip.decompress(body)) > 1_000_000


@pytest.mark.parametrize("latency", [0, 1])
async def test_requests_that_arrive_together_are_answered_in_order(raw: Raw, switch: Any, latency: int) -> None:
    switch(FaultKind.LATENCY, latency)
    other = REQUEST.replace(b"app-1", b"none")
    raw.writer.write(REQUEST + other + REQUEST)

    statuses = [(await raw.answer())[0][9:12] for _ in range(3)]

    assert statuses == [b"200", b"404", b"200"]


async def test_any_number_of_requests_may_arrive_together(raw: Raw, simulator: Simulator) -> None:
    count = 5_000
    raw.writer.write(REQUEST.replace(b"app-1", b"none") * count)
    for _ in range(count):
        await raw.answer()

    assert simulator.requests.total == count


async def test_a_request_in_pieces_is_put_together(raw: Raw, simulator: Simulator) -> None:
    body = b'{"locationId":"loc-1","pageLimit":5}'
    head = REQUEST.replace(f"GET {PATH}".encode(), b"POST /contacts/search")
    head = head[:-2] + b"Content-Length: %d\r\n\r\n" % len(body)
    for piece in (head[:10], head[10:], body[:5], body[5:]):
        raw.writer.write(piece)
        await raw.writer.drain()

    assert orjson.loads((await raw.answer())[1])["total"] == 1
    assert simulator.requests.total == 1


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", b"413"),
        (b"GET /" + b"x" * 70_000, b"431"),
    ],
)
async def test_a_request_that_cannot_be_read_is_refused_and_the_connection_closed(
    raw: Raw, request_: bytes, status: bytes
) -> None:
    raw.writer.write(request_)

    head, _ = await raw.answer()

    assert head[9:12] == status
    assert await raw.reader.read() == b""


async def test_connection_close_is_honoured(raw: Raw) -> None:
    raw.writer.write(REQUEST[:-2] + b"Connection: close\r\n\r\n")
    await raw.answer()

    assert await raw.reader.read() == b""
