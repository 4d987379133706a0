"""A clock for drills: minutes and pauses pass at once, network waits are real."""

import asyncio
import time
from datetime import datetime, timedelta


class DrillClock:
    """Shows a simulated instant that moves only when it is told to; durations are measured on the real clock.

    Whoever sleeps is woken at once, and both clocks have moved on by then: two who sleep side by side move them once.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._skipped = 0.0

    def now(self) -> datetime:
        """Return the simulated instant."""
        return self._now

    def advance(self, duration: timedelta) -> None:
        """Let *duration* have passed."""
        self._now += duration

    def monotonic(self) -> float:
        """Return real seconds, for calls to the simulator take real time, and those that were slept."""
        return time.monotonic() + self._skipped

    async def sleep(self, duration: timedelta) -> None:
        """Let others go on, then have slept."""
        until, wakes_at = self.monotonic() + duration.total_seconds(), self._now + duration
        await asyncio.sleep(0)
        self._skipped += max(0.0, until - self.monotonic())
        self._now = max(self._now, wakes_at)
