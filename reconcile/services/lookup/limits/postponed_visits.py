"""Visits that wait, without a slot and with one timer for all, until the accounts of their workspace have calls."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from heapq import heappop, heappush

from reconcile.services.lookup.limits.time_budget import TimeBudget

LEAST_WAIT = timedelta(seconds=1)
"""The least time between two visits of a workspace: each costs a lease and a transaction, even if no call is free."""

_RESOLUTION = timedelta(milliseconds=1)

Visit = Callable[[], Coroutine[object, object, None]]


class PostponedVisits:
    """Begins each visit as a task of *group* when its time has come; nothing begins after SIGTERM."""

    def __init__(self, group: asyncio.TaskGroup, *, time: TimeBudget) -> None:
        self._group = group
        self._time = time
        self._visits: list[tuple[float, int, Visit]] = []
        """A heap of instants on the monotonic clock; the number keeps the order of visits with the same instant."""
        self._number = 0
        self._timer: asyncio.Task[None] | None = None

    def add(self, visit: Visit, *, after: timedelta) -> None:
        """Begin *visit* after this time, at least ``LEAST_WAIT``, if the run may still start work then."""
        after = max(after, LEAST_WAIT)
        if not self._time.takes_work_after(after):
            return
        self._number += 1
        heappush(self._visits, (self._time.clock.monotonic() + after.total_seconds(), self._number, visit))
        if self._timer is None or self._timer.done() or self._visits[0][1] == self._number:
            self._stop_timer()
            self._timer = self._group.create_task(self._begin_in_time())

    def clear(self) -> None:
        """Drop all visits: the run has stopped."""
        self._visits.clear()
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer is not asyncio.current_task():
            self._timer.cancel()
        self._timer = None

    async def _begin_in_time(self) -> None:
        while self._visits and not self._time.stop.is_terminated:
            wait = self._visits[0][0] - self._time.clock.monotonic()
            if wait >= _RESOLUTION.total_seconds():
                await self._sleep(timedelta(seconds=wait))
            else:
                self._group.create_task(heappop(self._visits)[2]())

    async def _sleep(self, wait: timedelta) -> None:
        """Wait for this time, or until SIGTERM."""
        sleep = asyncio.ensure_future(self._time.clock.sleep(wait))
        termination = asyncio.ensure_future(self._time.stop.wait_for_termination())
        try:
            await asyncio.wait({sleep, termination}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            termination.cancel()
