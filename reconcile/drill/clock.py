"""A clock for drills: minutes and pauses pass immediately, network calls take real time."""

import asyncio
import time
from datetime import datetime, timedelta


class DrillClock:
    """Simulated time that moves only by ``pass`` and ``sleep``; durations are measured on the real clock.

    A sleeper wakes immediately, and both clocks have moved on; concurrent sleepers move them once.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._skipped = 0.0

    def now(self) -> datetime:
        """Return the simulated instant."""
        return self._now

    def advance(self, duration: timedelta) -> None:
        """Move the clock on by *duration*."""
        self._now += duration

    def monotonic(self) -> float:
        """Return real seconds, because calls to the simulator take real time, plus slept seconds."""
        return time.monotonic() + self._skipped

    async def sleep(self, duration: timedelta) -> None:
        """Let other tasks run, then count *duration* as slept."""
        until, wakes_at = self.monotonic() + duration.total_seconds(), self._now + duration
        await asyncio.sleep(0)
        self._skipped += max(0.0, until - self.monotonic())
        self._now = max(self._now, wakes_at)
