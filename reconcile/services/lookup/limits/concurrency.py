"""Limits the calls in flight to one provider: few at first, more with each answer (slow start)."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from reconcile.domain.ids import ProviderName
from reconcile.services.lookup.limits.bulkhead import EARLY_RELEASES_PER_SLOT

LEAST_PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS = 0.1, 1.0
PATIENCE_IN_ANSWERS = 4
"""A call stalls once it takes this many times the average duration of an answer."""
_WEIGHT_OF_ANSWER = 1 / 8
"""The weight of the newest answer in the average (as in RFC 6298)."""


@dataclass(slots=True, eq=False)
class LimiterSlot:
    """The slot of one call; *on_early_release* is called when it is released while the call continues."""

    number: int
    on_early_release: Callable[[], None]
    overtaken: int = 0
    """How many calls that were admitted later have been answered since."""
    is_released_early: bool = False
    began_at: float | None = None
    timer: asyncio.TimerHandle | None = None


class AdaptiveLimiter:
    """A semaphore whose window starts at *initial*, grows by one with each success and halves with each failure.

    It bounds the calls in flight when a provider fails: a run meets an outage with *initial* calls, not with its full
    concurrency. As each success adds one, the window doubles with each round trip (as in TCP) until *limit*.

    A call is stalled if later calls were answered before it: half as many as are in flight, and at least *initial*. It
    waits for something of its own, such as a workspace that never gets an answer. It releases its slot early, up to
    *max_early_releases* at once, and its result no longer changes the window. During an outage no call is answered, so
    no call counts as stalled and no more calls are made. Once the provider is known to answer (``expect_answers``), a
    call is also stalled after a certain time.
    """

    def __init__(self, *, limit: int, initial: int = 4, max_early_releases: int = 0) -> None:
        self._limit = limit
        self._initial = min(initial, limit)
        self._window = self._initial
        self._max_early_releases = max_early_releases
        self._released_early_count = 0
        self._expects_answers = False
        self._average_seconds: float | None = None
        self._number = 0
        self._slots: dict[int, LimiterSlot] = {}
        """The slots that were not released early, the oldest first."""
        self._stalled: deque[LimiterSlot] = deque()
        """Stalled slots that are kept because the maximum of early releases is reached."""
        self._waiting: deque[tuple[asyncio.Future[LimiterSlot], Callable[[], None]]] = deque()

    @property
    def window(self) -> int:
        """How many calls may be in flight now."""
        return self._window

    async def acquire(self, *, on_early_release: Callable[[], None] = lambda: None) -> LimiterSlot:
        """Wait for a slot, first come first served."""
        if len(self._slots) < self._window and not self._waiting:
            return self._grant(on_early_release)
        called: asyncio.Future[LimiterSlot] = asyncio.get_running_loop().create_future()
        self._waiting.append((called, on_early_release))
        try:
            return await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self.release(called.result(), succeeded=None)
            raise

    def begin(self, slot: LimiterSlot) -> None:
        """Start the timer of the call."""
        slot.began_at = asyncio.get_running_loop().time()
        self._start_timer(slot)

    def expect_answers(self) -> None:
        """Release the slots of slow calls from now on: the provider is known to answer."""
        self._expects_answers = True
        for slot in self._slots.values():
            self._start_timer(slot)

    def release(self, slot: LimiterSlot, *, succeeded: bool | None) -> None:
        """Release *slot*; *succeeded* is None if the call says nothing about the provider."""
        if slot.timer is not None:
            slot.timer.cancel()
        if succeeded and slot.began_at is not None:
            self._note_duration(asyncio.get_running_loop().time() - slot.began_at)
        if slot.is_released_early:
            self._released_early_count -= 1
            if self._stalled:
                self._release_early(self._stalled.popleft())
        else:
            del self._slots[slot.number]
            if slot in self._stalled:
                self._stalled.remove(slot)
            if succeeded:
                self._window = min(self._limit, self._window + 1)
            elif succeeded is False:
                self._window = max(self._initial, self._window // 2)
        if succeeded:
            self._release_stalled(slot.number)
        self._grant_waiting()

    def note_answer(self) -> None:
        """Record an answer to a call without a slot: it grows the window, and overtakes all calls in flight."""
        self._window = min(self._limit, self._window + 1)
        self._release_stalled(self._number)
        self._grant_waiting()

    def _grant(self, on_early_release: Callable[[], None]) -> LimiterSlot:
        self._number += 1
        slot = self._slots[self._number] = LimiterSlot(self._number, on_early_release)
        return slot

    def _release_stalled(self, answered: int) -> None:
        most_overtaken = max(self._initial, len(self._slots) // 2)
        for slot in list(self._slots.values()):
            if slot.number > answered:
                break
            slot.overtaken += 1
            if slot.overtaken >= most_overtaken:
                self._release_early(slot)

    def _release_early(self, slot: LimiterSlot) -> None:
        if slot.number not in self._slots or slot in self._stalled:
            return
        if self._released_early_count >= self._max_early_releases:
            self._stalled.append(slot)
            return
        slot.is_released_early = True
        del self._slots[slot.number]
        self._released_early_count += 1
        slot.on_early_release()

    def _start_timer(self, slot: LimiterSlot) -> None:
        if self._expects_answers and slot.began_at is not None and slot.timer is None:
            slot.timer = asyncio.get_running_loop().call_later(self._patience_seconds, self._end_patience, slot)

    def _end_patience(self, slot: LimiterSlot) -> None:
        self._release_early(slot)
        self._grant_waiting()

    @property
    def _patience_seconds(self) -> float:
        if self._average_seconds is None:
            return FIRST_PATIENCE_SECONDS
        return max(LEAST_PATIENCE_SECONDS, PATIENCE_IN_ANSWERS * self._average_seconds)

    def _note_duration(self, seconds: float) -> None:
        before = seconds if self._average_seconds is None else self._average_seconds
        self._average_seconds = before + (seconds - before) * _WEIGHT_OF_ANSWER

    def _grant_waiting(self) -> None:
        while self._waiting and len(self._slots) < self._window:
            called, on_early_release = self._waiting.popleft()
            if not called.done():
                called.set_result(self._grant(on_early_release))


@dataclass(slots=True, kw_only=True)
class ProviderLimiters:
    """The limiters of each provider: one for look-ups and one for lists, as either may fail without the other."""

    workspace_concurrency: int
    lead_concurrency: int
    _made: dict[tuple[ProviderName, bool], AdaptiveLimiter] = field(default_factory=dict)

    def of(self, provider: ProviderName, *, for_sweeps: bool) -> AdaptiveLimiter:
        """Return the limiter that all calls of this kind share."""
        key = (provider, for_sweeps)
        if key not in self._made:
            self._made[key] = AdaptiveLimiter(
                limit=self.workspace_concurrency * (1 if for_sweeps else self.lead_concurrency),
                max_early_releases=EARLY_RELEASES_PER_SLOT * self.workspace_concurrency,
            )
        return self._made[key]
