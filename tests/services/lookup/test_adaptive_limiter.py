"""Slow start: never more calls under way than the window, and no place is ever lost."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.virtual_time import run_virtually
from tests.timeouts import HUNG
from tests.use_cases import AdaptiveLimiter

steps = st.lists(
    st.sampled_from(["enter", "cancel_first", "cancel_last", "succeed", "succeed_last", "fail", "leave", "wake"]),
    max_size=60,
)


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


class Crowd:
    """Tasks at a gate: who waits, and who is inside until told to leave."""

    def __init__(self, limiter: AdaptiveLimiter) -> None:
        self.limiter = limiter
        self.tasks: list[asyncio.Task[None]] = []
        self.inside: list[asyncio.Future[bool | None]] = []

    async def _visit(self) -> None:
        slot = await self.limiter.acquire()
        told: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self.inside.append(told)
        succeeded: bool | None = None
        try:
            succeeded = await told
        finally:
            self.inside.remove(told)
            self.limiter.release(slot, succeeded=succeeded)

    def enter(self) -> None:
        self.tasks.append(asyncio.ensure_future(self._visit()))

    def unfinished(self) -> Sequence[asyncio.Task[None]]:
        return [each for each in self.tasks if not each.done()]

    def leave(self, *, succeeded: bool | None, which: int = 0) -> None:
        waiting = [each for each in self.inside if not each.done()]
        if waiting:
            waiting[which].set_result(succeeded)

    async def step(self, name: str) -> None:
        match name:
            case "enter":
                self.enter()
            case "cancel_first" if self.unfinished():
                self.unfinished()[0].cancel()
            case "cancel_last" if self.unfinished():
                self.unfinished()[-1].cancel()
            case "succeed":
                self.leave(succeeded=True)
            case "succeed_last":
                self.leave(succeeded=True, which=-1)
            case "fail":
                self.leave(succeeded=False)
            case "leave":
                self.leave(succeeded=None)
            case _:
                await settle()


@given(steps=steps, limit=st.integers(1, 6), initial=st.integers(1, 6), max_early_releases=st.integers(0, 3))
def test_the_window_is_never_exceeded_and_no_slot_is_lost(
    steps: list[str], limit: int, initial: int, max_early_releases: int
) -> None:
    """Whoever comes, leaves or is cancelled, also between being called and going in."""

    async def scene() -> None:
        limiter = AdaptiveLimiter(limit=limit, initial=initial, max_early_releases=max_early_releases)
        crowd = Crowd(limiter)
        widest = limiter.window
        for name in steps:
            await crowd.step(name)
            widest = max(widest, limiter.window)
            assert 1 <= limiter.window <= limit
            assert len(crowd.inside) <= widest + max_early_releases
        await settle()
        while crowd.unfinished():
            waiting = len(crowd.unfinished()) - len(crowd.inside)
            assert len(crowd.inside) >= min(limiter.window, len(crowd.unfinished())), f"{waiting} wait for nobody"
            crowd.leave(succeeded=None)
            await settle()
        for _ in range(limiter.window):
            await asyncio.wait_for(limiter.acquire(), HUNG)

    asyncio.run(scene())


@pytest.mark.parametrize(("successes", "window"), [(0, 4), (1, 5), (4, 8), (100, 32)])
async def test_each_success_widens_the_window_by_one(successes: int, window: int) -> None:
    limiter = AdaptiveLimiter(limit=32)
    for _ in range(successes):
        limiter.release(await limiter.acquire(), succeeded=True)

    assert limiter.window == window


async def test_a_failure_halves_the_window_down_to_its_minimum() -> None:
    limiter = AdaptiveLimiter(limit=32)
    for succeeded in [True] * 12 + [False]:
        limiter.release(await limiter.acquire(), succeeded=succeeded)
    halved = limiter.window
    for _ in range(10):
        limiter.release(await limiter.acquire(), succeeded=False)

    assert (halved, limiter.window) == (8, 4)


async def test_waiting_calls_get_slots_in_order_of_arrival() -> None:
    limiter = AdaptiveLimiter(limit=1, initial=1)
    order: list[int] = []

    async def visit(number: int) -> None:
        slot = await limiter.acquire()
        order.append(number)
        await asyncio.sleep(0)
        limiter.release(slot, succeeded=True)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(visit(number))

    assert order == [0, 1, 2, 3, 4]


async def test_a_call_that_many_have_overtaken_releases_its_slot_once() -> None:
    limiter, lent = AdaptiveLimiter(limit=4, initial=2, max_early_releases=5), list[str]()
    vain = await limiter.acquire(on_early_release=lambda: lent.append("vain"))
    for _ in range(9):
        limiter.release(await asyncio.wait_for(limiter.acquire(), HUNG), succeeded=True)
    windows = [limiter.window]
    inside = [await asyncio.wait_for(limiter.acquire(), HUNG) for _ in range(limiter.window)]
    limiter.release(vain, succeeded=False)
    windows.append(limiter.window)

    assert (lent, windows) == (["vain"], [4, 4]), "what it comes to says nothing of the provider"
    fifth = asyncio.ensure_future(limiter.acquire())
    await settle()
    assert not fifth.done(), "a place that was lent is not given back a second time"
    limiter.release(inside[0], succeeded=None)
    await asyncio.wait_for(fifth, HUNG)


async def test_without_answers_no_slot_is_released_early() -> None:
    """An outage is met with the calls that are under way, however many wait behind them."""
    limiter, lent = AdaptiveLimiter(limit=8, initial=4, max_early_releases=50), list[str]()
    inside = [await limiter.acquire(on_early_release=lambda: lent.append("lent")) for _ in range(4)]
    behind = [asyncio.ensure_future(limiter.acquire(on_early_release=lambda: lent.append("lent"))) for _ in range(50)]
    for slot in inside:
        limiter.release(slot, succeeded=False)
        await settle()

    assert (lent, sum(each.done() for each in behind)) == ([], 4)
    for each in behind:
        each.cancel()


async def test_earlier_answers_do_not_make_a_call_stalled() -> None:
    limiter, lent = AdaptiveLimiter(limit=2, initial=2, max_early_releases=5), list[str]()
    for _ in range(9):
        limiter.release(await limiter.acquire(), succeeded=True)
    older = await limiter.acquire()
    await limiter.acquire(on_early_release=lambda: lent.append("younger"))
    limiter.release(older, succeeded=True)

    assert lent == []


async def test_early_releases_are_bounded() -> None:
    limiter, lent = AdaptiveLimiter(limit=4, initial=4, max_early_releases=2), list[int]()
    for number in range(3):
        await limiter.acquire(on_early_release=partial(lent.append, number))
        for _ in range(4):
            limiter.release(await asyncio.wait_for(limiter.acquire(), HUNG), succeeded=True)

    assert lent == [0, 1]


async def test_an_answer_without_a_slot_widens_the_window_and_overtakes_waiting_calls() -> None:
    lent: list[int] = []
    limiter = AdaptiveLimiter(limit=8, initial=2, max_early_releases=8)
    slots = [await limiter.acquire(on_early_release=partial(lent.append, number)) for number in range(2)]
    limiter.note_answer()
    first = (limiter.window, list(lent))
    limiter.note_answer()

    assert first == (3, [])
    assert (limiter.window, lent) == (4, [0, 1])
    for slot in slots:
        limiter.release(slot, succeeded=False)
    assert limiter.window == 4


async def test_a_call_is_stalled_when_half_of_the_calls_in_flight_have_overtaken_it() -> None:
    lent: list[str] = []
    limiter = AdaptiveLimiter(limit=64, initial=4, max_early_releases=8)
    await limiter.acquire(on_early_release=partial(lent.append, "stalled"))
    for _ in range(4):
        assert lent == []
        limiter.release(await limiter.acquire(), succeeded=True)

    assert lent == ["stalled"]


def waited_for_a_slot(*, expects_answers: bool, most_early_releases: int = 4) -> list[float]:
    """Make calls that take 10 s each, one slot at a time; return when each was begun."""

    async def main() -> list[float]:
        loop, begun = asyncio.get_running_loop(), []
        limiter = AdaptiveLimiter(limit=1, initial=1, max_early_releases=most_early_releases)
        if expects_answers:
            limiter.expect_answers()

        async def call() -> None:
            slot = await limiter.acquire()
            limiter.begin(slot)
            begun.append(round(loop.time(), 3))
            await asyncio.sleep(10)
            limiter.release(slot, succeeded=None)

        await asyncio.gather(*(call() for _ in range(4)))
        return begun

    return run_virtually(main())


def test_a_call_that_stalls_keeps_its_slot_while_it_is_not_known_that_the_provider_answers() -> None:
    assert waited_for_a_slot(expects_answers=False) == [0, 10, 20, 30]


def test_a_call_that_stalls_gives_its_slot_up_once_the_provider_is_known_to_answer() -> None:
    assert waited_for_a_slot(expects_answers=True) == [0, 1, 2, 3]


def test_a_call_that_may_not_give_its_slot_up_yet_does_so_when_another_has_ended() -> None:
    assert waited_for_a_slot(expects_answers=True, most_early_releases=1) == [0, 1, 10, 11]


def test_a_call_stalls_sooner_where_answers_are_quick() -> None:
    async def main() -> float:
        limiter = AdaptiveLimiter(limit=1, initial=1, max_early_releases=1)
        limiter.expect_answers()
        quick = await limiter.acquire()
        limiter.begin(quick)
        await asyncio.sleep(0.05)
        limiter.release(quick, succeeded=True)
        limiter.begin(await limiter.acquire())
        before = asyncio.get_running_loop().time()
        await limiter.acquire()
        return asyncio.get_running_loop().time() - before

    assert run_virtually(main()) == pytest.approx(0.2)
