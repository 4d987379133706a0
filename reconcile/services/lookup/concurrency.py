"""How many calls may be under way to one provider: few at first, more with each answer (slow start)."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Place:
    """What one call holds; *on_lent* is called when it is given to others, while the call itself goes on."""

    number: int
    on_lent: Callable[[], None]
    overtaken: int = 0
    """How many calls that were let in later have been answered meanwhile."""
    is_lent: bool = False


class Gate:
    """A semaphore that begins at *initial*, grows by one with each success and halves with each failure.

    It bounds what is in flight when a provider turns out to be broken: a run meets an outage with *initial* calls, not
    with its full concurrency. A success grows the window by one for each call in it, so it doubles with each round
    trip (as TCP does) until *limit*.

    A call that was overtaken by half as many others as are let in at most waits for something of its own, such as a
    workspace that is never answered: it lends its place, up to *most_lent* at once, and what it comes to moves the
    window no more. While nobody is answered nobody is overtaken, so an outage is met with no more calls than without.
    """

    def __init__(self, *, limit: int, initial: int = 4, most_lent: int = 0) -> None:
        self._limit = limit
        self._initial = min(initial, limit)
        self._window = self._initial
        self._most_lent = most_lent
        self._lent_count = 0
        self._number = 0
        self._places: dict[int, Place] = {}
        """Those that are not lent, the oldest first."""
        self._waiting: deque[tuple[asyncio.Future[Place], Callable[[], None]]] = deque()

    @property
    def window(self) -> int:
        """How many calls may be under way now."""
        return self._window

    async def enter(self, *, on_lent: Callable[[], None] = lambda: None) -> Place:
        """Wait for a place, first come first served."""
        if len(self._places) < self._window and not self._waiting:
            return self._let_in(on_lent)
        called: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting.append((called, on_lent))
        try:
            return await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self.leave(called.result(), succeeded=None)
            raise

    def leave(self, place: Place, *, succeeded: bool | None) -> None:
        """Give the place back; None where nothing was learned of the provider."""
        if place.is_lent:
            self._lent_count -= 1
        else:
            del self._places[place.number]
            if succeeded:
                self._window = min(self._limit, self._window + 1)
            elif succeeded is False:
                self._window = max(self._initial, self._window // 2)
        if succeeded:
            self._overtake(place)
        self._call_in()

    def _let_in(self, on_lent: Callable[[], None]) -> Place:
        self._number += 1
        place = self._places[self._number] = Place(self._number, on_lent)
        return place

    def _overtake(self, answered: Place) -> None:
        for place in list(self._places.values()):
            if place.number > answered.number:
                break
            place.overtaken += 1
            if place.overtaken >= self._limit // 2 and self._lent_count < self._most_lent:
                place.is_lent = True
                del self._places[place.number]
                self._lent_count += 1
                place.on_lent()

    def _call_in(self) -> None:
        while self._waiting and len(self._places) < self._window:
            called, on_lent = self._waiting.popleft()
            if not called.done():
                called.set_result(self._let_in(on_lent))
