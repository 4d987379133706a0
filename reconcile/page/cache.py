"""Caches pages, and builds one at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from reconcile.ports import Clock

_SHORTEST = timedelta(seconds=5)
_SHARE = 20
"""Building pages takes at most one part in this many of the time."""
_LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPage:
    """A page with its status, valid until a time on the monotonic clock."""

    status: int
    text: str
    until: float


@dataclass(slots=True, kw_only=True)
class PageCache:
    """Pages by name; *make* returns status and text of one."""

    make: Callable[[str], Awaitable[tuple[int, str]]]
    clock: Clock
    _pages: dict[str, CachedPage] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def page(self, name: str) -> CachedPage:
        """Return the page of that name; build it again if it is too old."""
        if (cached := self._fresh(name)) is not None:
            return cached
        async with self._turn:
            if (cached := self._fresh(name)) is None:
                begun = self.clock.monotonic()
                status, text = await self.make(name)
                ended = self.clock.monotonic()
                rest = min(max(timedelta(seconds=ended - begun) * _SHARE, _SHORTEST), _LONGEST)
                cached = self._pages[name] = CachedPage(status=status, text=text, until=ended + rest.total_seconds())
        return cached

    def _fresh(self, name: str) -> CachedPage | None:
        cached = self._pages.get(name)
        return cached if cached is not None and self.clock.monotonic() < cached.until else None
