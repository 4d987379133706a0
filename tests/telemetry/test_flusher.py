"""What is sent while a run goes on and at its end, and that no collector can delay that end."""

import threading
import time
from collections.abc import Callable

import pytest

from reconcile.telemetry.flusher import IN_TIME, Flusher, SignalPipeline
from reconcile.telemetry.otel_settings import Signal, Target
from reconcile.telemetry.sender import NotDelivered, Sender
from tests.timeouts import HUNG

LIMIT = 0.2
NEVER = threading.Event()


class FakeSender(Sender):
    """A sender that notes what it is given, or has trouble."""

    def __init__(self, *, trouble: str | None = None, answer: bytes = b"") -> None:
        super().__init__(Target(url="http://127.0.0.1:1"), version="1")
        self.trouble = trouble
        self.answer = answer
        self.bodies: list[bytes] = []

    def send(self, body: bytes) -> bytes:
        if self.trouble:
            raise NotDelivered(self.trouble)
        self.bodies.append(body)
        return self.answer


def a_way(
    sender: Sender,
    *,
    signal: Signal = Signal.TRACES,
    flush: Callable[[], object] = lambda: None,
    finish: Callable[[], object] = lambda: None,
) -> SignalPipeline:
    return SignalPipeline(signal=signal, sender=sender, rejected=len, flush=flush, close=finish)


@pytest.fixture(autouse=True, scope="module")
def let_go() -> object:
    yield
    NEVER.set()


def test_all_ways_are_finished_side_by_side() -> None:
    both = threading.Barrier(2)
    ways = [
        a_way(FakeSender(), signal=signal, finish=lambda: both.wait(HUNG)) for signal in (Signal.TRACES, Signal.METRICS)
    ]

    assert Flusher(ways).close(HUNG) == {}
    assert not both.broken


def test_data_recorded_after_the_first_flush_is_sent_at_the_end() -> None:
    harness = FakeSender()
    pipeline = a_way(harness)
    pipeline.flush, pipeline.close = (
        lambda: pipeline.deliver(b"first", count=1),
        lambda: pipeline.deliver(b"rest", count=1),
    )
    courier = Flusher([pipeline])
    courier.begin()

    assert courier.close(HUNG) == {}
    assert harness.bodies == [b"first", b"rest"]


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_collector_that_never_answers_costs_the_limit_and_no_more(is_begun: bool) -> None:
    stuck = a_way(FakeSender(), flush=NEVER.wait, finish=NEVER.wait)
    fine = a_way(FakeSender(), signal=Signal.METRICS)
    courier = Flusher([stuck, fine])
    begun_at = time.monotonic()
    if is_begun:
        courier.begin()
    lost = courier.close(LIMIT)

    assert lost == {Signal.TRACES: {IN_TIME: 1}}
    assert LIMIT <= time.monotonic() - begun_at < HUNG


def test_undelivered_data_is_logged_with_its_reason() -> None:
    pipeline = a_way(FakeSender(trouble="the collector answered 401"))
    pipeline.close = lambda: pipeline.deliver(b"body", count=7)

    assert Flusher([pipeline]).close(HUNG) == {Signal.TRACES: {"the collector answered 401": 7}}


def test_data_that_a_collector_rejects_is_logged() -> None:
    pipeline = a_way(FakeSender(answer=b"123"))
    pipeline.close = lambda: pipeline.deliver(b"body", count=7)

    assert Flusher([pipeline]).close(HUNG) == {Signal.TRACES: {"rejected by the collector": 3}}
