"""Pages that are kept for a while: however many look, one is gathered and drawn at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from reconcile.ports import Clock

_SHORTEST = timedelta(seconds=5)
_SHARE = 20
"""Making pages takes at most one part in this many of the time, and of the database's."""
_LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A page with its status, good until an instant on the monotonic clock."""

    status: int
    text: str
    until: float


@dataclass(slots=True, kw_only=True)
class Shelf:
    """Pages by name; *make* gives status and text of one."""

    make: Callable[[str], Awaitable[tuple[int, str]]]
    clock: Clock
    _pages: dict[str, Kept] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def page(self, name: str) -> Kept:
        """Return the page of that name, made anew where it is too old."""
        if (kept := self._fresh(name)) is not None:
            return kept
        async with self._turn:
            if (kept := self._fresh(name)) is None:
                begun = self.clock.monotonic()
                status, text = await self.make(name)
                ended = self.clock.monotonic()
                rest = min(max(timedelta(seconds=ended - begun) * _SHARE, _SHORTEST), _LONGEST)
                kept = self._pages[name] = Kept(status=status, text=text, until=ended + rest.total_seconds())
        return kept

    def _fresh(self, name: str) -> Kept | None:
        kept = self._pages.get(name)
        return kept if kept is not None and self.clock.monotonic() < kept.until else None
