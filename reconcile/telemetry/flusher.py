"""Sends signals while the run continues, and ends within a limit that no collector can exceed."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Thread

from reconcile.telemetry.otel_settings import Signal
from reconcile.telemetry.sender import NotDelivered, Sender

IN_TIME = "no response in time"
_LEAST = 1.0
"""Seconds for data recorded after the first flush, if the collector has accepted everything until then."""
_LEAST_WHERE_LOST = 0.2


@dataclass(slots=True, kw_only=True)
class SignalPipeline:
    """One signal's path to its collector, and its lost items.

    *flush* sends what is pending, *finish* the rest; neither keeps a time limit.
    """

    signal: Signal
    sender: Sender
    rejected: Callable[[bytes], int]
    """Return the number of items that the response rejects; raise NotDelivered if it is not a collector's response."""
    flush: Callable[[], object] = lambda: None
    close: Callable[[], object] = lambda: None
    losses: Counter[str] = field(default_factory=Counter)

    def deliver(self, body: bytes, *, count: int) -> bool:
        """Send the encoded form of *count* items; return whether the collector has accepted them."""
        try:
            answer = self.sender.send(body)
            refused = self.rejected(answer) if answer else 0
        except NotDelivered as error:
            self.losses[str(error)] += count
            return False
        if refused:
            self.losses["rejected by the collector"] += refused
        return not refused


class Flusher:
    """All pipelines, each with threads that the process does not wait for at exit."""

    def __init__(self, pipelines: Sequence[SignalPipeline]) -> None:
        self._pipelines = pipelines
        self._threads: Mapping[Signal, Thread] = {}
        self._started_at: float | None = None

    def begin(self) -> None:
        """Start to send what is pending, and return immediately; later data is sent by ``close``."""
        self._started_at = time.monotonic()
        self._threads = {pipeline.signal: _start_thread(pipeline.flush) for pipeline in self._pipelines}

    def close(self, limit: float) -> Mapping[Signal, Mapping[str, int]]:
        """Send the rest within *limit* seconds since the start; return the lost items by signal and reason."""
        now = time.monotonic()
        ends_at = (self._started_at or now) + limit
        for pipeline in self._pipelines:
            if pipeline.signal in self._threads:
                self._threads[pipeline.signal].join(max(0.0, ends_at - time.monotonic()))
        # A pipeline that has not finished by now is stuck; the others get the remaining time, and a minimum.
        last = {
            pipeline.signal: _start_thread(pipeline.close)
            for pipeline in self._pipelines
            if not self._is_stuck(pipeline)
        }
        now = time.monotonic()
        # One stuck or failed signal stands for all: usually they share a collector.
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
        # copies, because abandoned threads may still count
        return {pipeline.signal: dict(pipeline.losses) for pipeline in self._pipelines if pipeline.losses}

    def _is_stuck(self, pipeline: SignalPipeline) -> bool:
        return pipeline.signal in self._threads and self._threads[pipeline.signal].is_alive()


def _start_thread(work: Callable[[], object]) -> Thread:
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread
