"""What was asked and how it was answered: counts, the last requests, and waiting for the next ones."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconcile.simulator.wire import Json

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Logged:
    """One request; *answered* is the status, or the manner in which there was none. Nothing of tokens is kept."""

    at: datetime
    operation: str
    workspace: str
    subjects: tuple[str, ...]
    answered: str


class RequestLog:
    """Counts requests by operation, workspace and answer, and keeps the last ten thousand in order."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.recent: deque[Logged] = deque(maxlen=_KEPT)
        self.in_flight = 0
        self.peak_in_flight = 0
        self._total = 0
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    @property
    def total(self) -> int:
        """How many requests there were since the start or the last reset."""
        return self._total

    def add(self, entry: Logged) -> None:
        """Enter one request at its arrival."""
        self.counts[entry.operation, entry.workspace, entry.answered] += 1
        self.recent.append(entry)
        self._total += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        if self._waiting:
            self._wake()

    def finish_request(self) -> None:
        """Note that a request was answered, or will never be."""
        self.in_flight -= 1
        if self._waiting:
            self._wake()

    def count(
        self, *, operation: str | None = None, workspace: str | None = None, answered: str | int | None = None
    ) -> int:
        """Return how many requests match every condition that is given."""
        wanted = (operation, workspace, None if answered is None else str(answered))
        return sum(
            number
            for key, number in self.counts.items()
            if all(want is None or want == have for want, have in zip(wanted, key, strict=True))
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as *holds*, which is asked after each request and each answer."""
        if holds():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((holds, future))
        await future

    def reset(self) -> None:
        """Forget everything but what is still in flight."""
        self.counts.clear()
        self.recent.clear()
        self._total = 0
        self.peak_in_flight = self.in_flight

    def summary(self) -> Json:
        """Return the counts as the admin endpoint shows them."""
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
