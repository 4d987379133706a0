"""The requests and responses: counts, the last requests, and waiting for new ones."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconcile.simulator.wire import Json

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Logged:
    """One request; *answered* is the status, or how the response was withheld. Tokens are not stored."""

    at: datetime
    operation: str
    workspace: str
    subjects: tuple[str, ...]
    answered: str


class RequestLog:
    """Counts requests by operation, workspace and response, and keeps the last ten thousand in order."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.recent: deque[Logged] = deque(maxlen=_KEPT)
        self.in_flight = 0
        self.peak_in_flight = 0
        self._total = 0
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    @property
    def total(self) -> int:
        """The number of requests since the start or the last reset."""
        return self._total

    def add(self, entry: Logged) -> None:
        """Record one request on arrival."""
        self.counts[entry.operation, entry.workspace, entry.answered] += 1
        self.recent.append(entry)
        self._total += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        if self._waiting:
            self._wake()

    def finish_request(self) -> None:
        """Record that a request was answered, or will never be."""
        self.in_flight -= 1
        if self._waiting:
            self._wake()

    def count(
        self, *, operation: str | None = None, workspace: str | None = None, answered: str | int | None = None
    ) -> int:
        """Return the number of requests that match every given condition."""
        wanted = (operation, workspace, None if answered is None else str(answered))
        return sum(
            number
            for key, number in self.counts.items()
            if all(want is None or want == have for want, have in zip(wanted, key, strict=True))
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once *holds* is true; it is called after each request and each response."""
        if holds():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((holds, future))
        await future

    def reset(self) -> None:
        """Delete everything except in-flight requests."""
        self.counts.clear()
        self.recent.clear()
        self._total = 0
        self.peak_in_flight = self.in_flight

    def summary(self) -> Json:
        """Return the counts for the admin endpoint."""
        rows: Sequence[Json] = [
            {"operation": operation, "workspace": workspace, "answered": answered, "count": count}
            for (operation, workspace, answered), count in sorted(self.counts.items())
        ]
        return {
            "total": self._total,
            "inFlight": self.in_flight,
            "peakInFlight": self.peak_in_flight,
            "byOperation": self._by(0),
            "byWorkspace": self._by(1),
            "byAnswer": self._by(2),
            "rows": rows,
        }

    def _by(self, column: int) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for key, count in self.counts.items():
            sums[key[column]] += count
        return dict(sorted(sums.items()))

    def _wake(self) -> None:
        for entry in [each for each in self._waiting if each[1].done() or each[0]()]:
            self._waiting.remove(entry)
            if not entry[1].done():
                entry[1].set_result(None)
