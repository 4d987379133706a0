"""Limits how many workspaces are visited concurrently."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from reconcile.domain.ids import WorkspaceId

EARLY_RELEASES_PER_SLOT = 16
"""Stalled visits per slot that may continue without one: each costs a task, a connection and its leads."""


class Bulkhead:
    """Limits concurrent visits. A visit whose calls stall while others are answered gives up its slot early."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[asyncio.Future[None]] = []
        """In the order in which they get a slot."""
        self._held: set[WorkspaceId] = set()
        self._released_early: set[WorkspaceId] = set()
        self._stalled: list[WorkspaceId] = []
        """Stalled visits that keep their slot because the maximum of early releases is reached."""
        self._max_early_releases = EARLY_RELEASES_PER_SLOT * count

    @asynccontextmanager
    async def slot(self, workspace_id: WorkspaceId) -> AsyncIterator[None]:
        """Wait for a slot and hold it for the block, or until it is released early."""
        await self._acquire()
        self._held.add(workspace_id)
        try:
            yield
        finally:
            if workspace_id in self._held:
                self._held.remove(workspace_id)
                self._release()
            if workspace_id in self._stalled:
                self._stalled.remove(workspace_id)
            self._released_early.discard(workspace_id)
            if self._stalled:
                self.release_early(self._stalled.pop(0))

    def release_early(self, workspace_id: WorkspaceId) -> None:
        """Release the slot of a visit that continues; at the maximum of early releases, once one of them ends."""
        if workspace_id not in self._held or workspace_id in self._stalled:
            return
        if len(self._released_early) >= self._max_early_releases:
            self._stalled.append(workspace_id)
            return
        self._held.remove(workspace_id)
        self._released_early.add(workspace_id)
        self._release()

    def shuffle(self, random: Random) -> None:
        """Shuffle the waiting visits: those at the front may all fail for the same reason."""
        random.shuffle(self._waiting)

    async def _acquire(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def _release(self) -> None:
        while self._waiting:
            turn = self._waiting.pop(0)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
