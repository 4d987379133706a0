"""Caches documents, and builds one at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from reconcile.page.documents import Document
from reconcile.ports import Clock

_SHORTEST = timedelta(seconds=5)
_SHARE = 20
"""Building documents takes at most one part in this many of the time."""
_LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedDocument:
    """A document, valid until a time on the monotonic clock."""

    document: Document
    until: float


@dataclass(slots=True, kw_only=True)
class DocumentCache:
    """Documents by name; *make* builds the document of that name."""

    make: Callable[[str], Awaitable[Document]]
    clock: Clock
    _kept: dict[str, CachedDocument] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def document(self, name: str) -> Document:
        """Return the document of that name; build it again if it is too old."""
        if (cached := self._fresh(name)) is not None:
            return cached.document
        async with self._turn:
            if (cached := self._fresh(name)) is None:
                started = self.clock.monotonic()
                made = await self.make(name)
                ended = self.clock.monotonic()
                rest = min(max(timedelta(seconds=ended - started) * _SHARE, _SHORTEST), _LONGEST)
                cached = self._kept[name] = CachedDocument(document=made, until=ended + rest.total_seconds())
        return cached.document

    def _fresh(self, name: str) -> CachedDocument | None:
        cached = self._kept.get(name)
        return cached if cached is not None and self.clock.monotonic() < cached.until else None
