"""Signals on their way out while the run goes on, and an end to it that no collector can delay."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Thread

from reconcile.telemetry.otel_settings import Signal
from reconcile.telemetry.sender import NotDelivered, Sender

IN_TIME = "nothing was heard of it in time"
_LEAST = 1.0
"""Seconds for what is told after the sending has begun, where the collector has taken all until then."""
_LEAST_WHERE_LOST = 0.2


@dataclass(slots=True, kw_only=True)
class SignalPipeline:
    """One signal's way to its collector, and what was lost on it.

    *flush* sends what there is, *finish* the rest; neither need keep a limit.
    """

    signal: Signal
    sender: Sender
    rejected: Callable[[bytes], int]
    """How many items the answer says were not taken; raises NotDelivered where it is no answer of a collector."""
    flush: Callable[[], object] = lambda: None
    close: Callable[[], object] = lambda: None
    losses: Counter[str] = field(default_factory=Counter)

    def deliver(self, body: bytes, *, count: int) -> bool:
        """Send the encoded form of *count* things; tell whether the collector has them."""
        try:
            answer = self.sender.send(body)
            refused = self.rejected(answer) if answer else 0
        except NotDelivered as error:
            self.losses[str(error)] += count
            return False
        if refused:
            self.losses["the collector has rejected it"] += refused
        return not refused


class Flusher:
    """All ways, each with threads of its own that a process may leave behind."""

    def __init__(self, pipelines: Sequence[SignalPipeline]) -> None:
        self._pipelines = pipelines
        self._threads: Mapping[Signal, Thread] = {}
        self._started_at: float | None = None

    def begin(self) -> None:
        """Begin to send what there is, and return at once; what is told from now on goes with ``close``."""
        self._started_at = time.monotonic()
        self._threads = {pipeline.signal: _start_thread(pipeline.flush) for pipeline in self._pipelines}

    def close(self, limit: float) -> Mapping[Signal, Mapping[str, int]]:
        """Send the rest within *limit* seconds since the beginning; return what was lost of which signal, and why."""
        now = time.monotonic()
        ends_at = (self._started_at or now) + limit
        for pipeline in self._pipelines:
            if pipeline.signal in self._threads:
                self._threads[pipeline.signal].join(max(0.0, ends_at - time.monotonic()))
        # Who has not ended by now is stuck; the others get what is left, and a moment at least.
        last = {
            pipeline.signal: _start_thread(pipeline.close)
            for pipeline in self._pipelines
            if not self._is_stuck(pipeline)
        }
        now = time.monotonic()
        # One signal that is stuck or lost speaks for all: nearly always they have one collector.
        is_well = len(last) == len(self._pipelines) and not any(pipeline.losses for pipeline in self._pipelines)
        least = min(_LEAST, limit) if is_well else _LEAST_WHERE_LOST
        for pipeline in self._pipelines:
            if pipeline.losses:
                pipeline.sender.close()
            if pipeline.signal in last:
                last[pipeline.signal].join(max(0.0, max(ends_at, now + least) - time.monotonic()))
            if pipeline.signal not in last or last[pipeline.signal].is_alive():
                pipeline.sender.close()
                pipeline.losses[IN_TIME] += 1
        # Copies: threads that were left behind may still count.
        return {pipeline.signal: dict(pipeline.losses) for pipeline in self._pipelines if pipeline.losses}

    def _is_stuck(self, pipeline: SignalPipeline) -> bool:
        return pipeline.signal in self._threads and self._threads[pipeline.signal].is_alive()


def _start_thread(work: Callable[[], object]) -> Thread:
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread
