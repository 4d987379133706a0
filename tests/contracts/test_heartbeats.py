"""What every ``HeartbeatMonitor`` promises: the real one before a server on loopback, and the fake."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from reconcile.alerts.heartbeat import PingUrl
from reconcile.alerts.post import Post
from reconcile.domain.ids import RunId
from reconcile.errors import AlertNotDelivered
from reconcile.ports import HeartbeatMonitor, HeartbeatSignal
from reconcile.providers.http.client import AiohttpTransport
from tests.alerts.messages import RealClock
from tests.integration.receiver import a_receiver
from tests.services.heartbeats import FakeMonitor

RUN = RunId("20261124T091700Z-0a1b2c3d")
SHORT, LONG = 0.05, 20.0


@dataclass(kw_only=True)
class Watched:
    """A monitor, and how its other end is broken."""

    monitor: HeartbeatMonitor
    refuse: Callable[[], None]
    fall_silent: Callable[[], None]

    async def send(self, signal: HeartbeatSignal, *, within: float = LONG) -> None:
        await self.monitor.send(signal, run_id=RUN, deadline=time.monotonic() + within)


@pytest.fixture(params=["http", "fake"])
async def watched(request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    if request.param == "fake":
        fake = FakeMonitor(RealClock())
        yield Watched(
            monitor=fake,
            refuse=lambda: setattr(fake, "is_down", True),
            fall_silent=lambda: setattr(fake, "hangs", True),
        )
        return
    async with a_receiver() as receiver, AiohttpTransport() as transport:
        post = Post(name="the monitor", transport=transport, clock=RealClock())
        unavailable = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"
        yield Watched(
            monitor=PingUrl(f"{receiver.url}/c4n4ry", post=post),
            refuse=lambda: setattr(receiver, "answer", unavailable),
            fall_silent=lambda: setattr(receiver, "is_shut", True),
        )


@pytest.mark.parametrize("signal", HeartbeatSignal)
async def test_each_signal_is_confirmed(watched: Watched, signal: HeartbeatSignal) -> None:
    await watched.send(signal)


async def test_a_refusal_is_an_error_without_the_address(watched: Watched) -> None:
    watched.refuse()
    with pytest.raises(AlertNotDelivered) as caught:
        await watched.send(HeartbeatSignal.SUCCESS)

    assert str(caught.value) == "the monitor answered 503"


async def test_silence_is_an_error_at_the_deadline(watched: Watched) -> None:
    watched.fall_silent()
    with pytest.raises(AlertNotDelivered) as caught:
        await watched.send(HeartbeatSignal.START, within=SHORT)

    assert str(caught.value) == "the monitor did not answer in time"
