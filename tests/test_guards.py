"""No test reaches beyond this machine."""

import asyncio
import contextlib
import socket

import pytest

OUTSIDE = "192.0.2.1"
OUTCOMES = pytest.fail.Exception


def test_a_connection_to_the_outside_fails_the_test() -> None:
    with socket.socket() as client, pytest.raises(OUTCOMES, match="only loopback is allowed"):
        client.connect((OUTSIDE, 80))


def test_a_datagram_to_the_outside_fails_the_test() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(OUTCOMES, match="only loopback is allowed"):
        client.sendto(b"hello", (OUTSIDE, 53))


def test_a_name_lookup_fails_the_test() -> None:
    with pytest.raises(OUTCOMES, match=r"tried to reach calendar\.example"):
        socket.getaddrinfo("calendar.example", 443)


async def test_an_async_connection_fails_the_test_whatever_it_catches() -> None:
    async def careless() -> None:
        with contextlib.suppress(Exception):
            await asyncio.open_connection(OUTSIDE, 80)

    with pytest.raises(OUTCOMES, match="only loopback is allowed"):
        await careless()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_open(host: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection((host, server.getsockname()[1])) as client,
    ):
        peer = client.getpeername()[0]

    assert peer == "127.0.0.1"
