"""SIGTERM, from the signal to the end of a run."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from reconcile.services.lookup.limits.time_budget import Stop

CUT_OFF_AFTER = timedelta(seconds=7)
"""After SIGTERM. Calls have ended by then, so whatever still waits does so for the database, and is cut off."""
CUT_OFF_AGAIN_AFTER = timedelta(seconds=3)


@contextmanager
def stop_on_sigterm(stop: Stop) -> Iterator[None]:
    """Turn SIGTERM into an orderly end. A handler is needed: as PID 1 a process without one does not notice it.

    Once it has come, another one changes nothing: it must not cost the report, which is still to be printed. The event
    loop's own handlers would not do: they give way to the default action before that.
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
