"""Simulated time: a sleep takes none of ours, keeps order, and waits for what ends in real time."""

import asyncio
import threading
import time
from datetime import timedelta

import pytest

from benchmarks.virtual_time import START, VirtualClock, in_real_time, percentile, run_virtually


def test_a_sleep_of_a_day_takes_no_time_and_moves_the_clock_by_a_day() -> None:
    async def sleep() -> timedelta:
        clock = VirtualClock()
        await clock.sleep(timedelta(days=1))
        return clock.now() - START

    begun = time.monotonic()
    assert run_virtually(sleep()) == timedelta(days=1)
    assert time.monotonic() - begun < 3600


def test_sleepers_wake_in_the_order_of_their_instants() -> None:
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(seconds)

    async def several() -> None:
        await asyncio.gather(*(sleep(seconds) for seconds in (3.0, 1.0, 2.0)))

    run_virtually(several())
    assert woken == [1.0, 2.0, 3.0]


def test_time_stands_still_while_something_ends_in_real_time() -> None:
    """Else a time limit would pass while a database works."""

    async def wait() -> float:
        loop, answered = asyncio.get_running_loop(), asyncio.Event()
        limit = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        threading.Thread(target=lambda: loop.call_soon_threadsafe(answered.set)).start()
        await in_real_time(answered.wait())
        elapsed = loop.time()
        limit.cancel()
        return elapsed

    assert run_virtually(wait()) == 0


@pytest.mark.parametrize(("share", "found"), [(0.0, 1), (0.5, 3), (0.95, 4), (1.0, 4)])
def test_a_percentile_is_one_of_the_values(share: float, found: float) -> None:
    assert percentile([4, 1, 3, 2], share) == found


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 0.95) is None
