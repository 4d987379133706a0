"""The calls to other systems that are in flight, so that SIGTERM can cancel them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class CallTracker:
    """Tracks the tasks that wait for a call, and which of them it has canceled."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._cancelled: set[asyncio.Task[object]] = set()

    @contextmanager
    def track(self, task: asyncio.Task[object] | None = None) -> Iterator[None]:
        """Count *task*, or else the current one, as a call in flight for a block."""
        task = task or asyncio.current_task()
        if task is None:
            raise RuntimeError("a call is tracked outside of a task")
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    def cancel_all(self) -> None:
        """Cancel every call that is in flight."""
        for task in self._tasks:
            self._cancelled.add(task)
            task.cancel()

    def takes_back_cancellation(self) -> bool:
        """Return whether the cancellation that the current task caught came from here alone; if so, undo it."""
        task = asyncio.current_task()
        if task is None or task not in self._cancelled:
            return False
        self._cancelled.discard(task)
        return task.uncancel() == 0
