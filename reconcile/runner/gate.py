"""How many calls may be under way to one provider: few at first, more with each answer (slow start)."""

import asyncio
from collections import deque


class Gate:
    """A semaphore that begins at *initial*, grows by one with each success and halves with each failure.

    It bounds what is in flight when a provider turns out to be broken: a run meets an outage with *initial* calls, not
    with its full concurrency. A success grows the window by one for each call in it, so it doubles with each round
    trip (as TCP does) until *limit*.
    """

    def __init__(self, *, limit: int, initial: int = 4) -> None:
        self._limit = limit
        self._initial = min(initial, limit)
        self._window = self._initial
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def window(self) -> int:
        """How many calls may be under way now."""
        return self._window

    async def enter(self) -> None:
        """Wait for a place, first come first served."""
        if self._running < self._window and not self._waiting:
            self._running += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()
            raise

    def leave(self, *, succeeded: bool | None) -> None:
        """Give the place back; None where nothing was learned of the provider."""
        if succeeded:
            self._window = min(self._limit, self._window + 1)
        elif succeeded is False:
            self._window = max(self._initial, self._window // 2)
        self._leave()

    def _leave(self) -> None:
        self._running -= 1
        while self._waiting and self._running < self._window:
            place = self._waiting.popleft()
            if not place.done():
                self._running += 1
                place.set_result(None)
