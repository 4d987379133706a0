"""Handles SIGTERM during a run."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from reconcile.services.lookup.limits.time_budget import Stop

CUT_OFF_AFTER = timedelta(seconds=7)
"""After SIGTERM. Calls have ended by then, so a run that still waits is waiting for the database, and is cut off."""
CUT_OFF_AGAIN_AFTER = timedelta(seconds=3)


@contextmanager
def stop_on_sigterm(stop: Stop) -> Iterator[None]:
    """End the run in order on SIGTERM. As PID 1, a process without a handler ignores the signal.

    After the first SIGTERM, further ones are ignored: the report must still be printed. The event loop's own signal
    handlers are not used, because they restore the default action before that.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    timers: list[asyncio.TimerHandle] = []

    def cut_off() -> None:
        timers.append(loop.call_later(CUT_OFF_AGAIN_AFTER.total_seconds(), cut_off))
        if task is not None:
            stop.cut_off(task)

    def terminate() -> None:
        stop.terminate()
        if not timers:
            timers.append(loop.call_later(CUT_OFF_AFTER.total_seconds(), cut_off))

    before = signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(terminate))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if timers else before)
        for timer in timers:
            timer.cancel()
