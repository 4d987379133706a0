"""A clock for drills: minutes pass at once, network waits are real."""

import asyncio
import time
from datetime import datetime, timedelta


class DrillClock:
    """Shows a simulated instant that moves only from tick to tick; durations are measured on the real clock."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the simulated instant."""
        return self._now

    def advance(self, duration: timedelta) -> None:
        """Let *duration* have passed."""
        self._now += duration

    def monotonic(self) -> float:
        """Return real seconds: calls to the simulator take real time."""
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        """Wait for real."""
        await asyncio.sleep(duration.total_seconds())
