"""An event loop whose time is simulated: a sleep, a time-out or a latency takes no real time, and order is exact.

The clock jumps to the next timer whenever nothing else can run. It stops during database calls, which run in threads in
real time.
"""

import asyncio
import inspect
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from reconcile.ports import Budgets, Clock, Store

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_PATIENCE_SECONDS = 60.0
"""Real seconds that a database call may take before the program is taken to hang."""

Result = TypeVar("Result")


class _Selector(selectors.DefaultSelector):
    """Waits for sockets and threads in real time, and lets a timer be reached at once."""

    def __init__(self) -> None:
        super().__init__()
        self.jump: Callable[[float], None] = lambda _: None
        self.real_calls = 0
        """The number of running calls that take real time."""

    def select(self, timeout: float | None = None) -> Any:  # noqa: ANN401 - the standard library's own type is private
        """Return ready events. Without any, the *timeout* seconds of the loop pass at once."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if self.real_calls:
            ready = super().select(_PATIENCE_SECONDS)
            if not ready:
                raise TimeoutError("a database call did not end")
            return ready
        self.jump(timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock begins at 0 and jumps."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._waits = _Selector()
        self._waits.jump = self._jump
        super().__init__(self._waits)

    def time(self) -> float:
        """Return the simulated seconds since the loop was made."""
        return self._elapsed

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """Stop the clock during a block that awaits something in real time."""
        self._waits.real_calls += 1
        try:
            yield
        finally:
            self._waits.real_calls -= 1

    def _jump(self, seconds: float) -> None:
        self._elapsed += seconds


class VirtualClock:
    """The port ``Clock`` over the running loop."""

    def now(self) -> datetime:
        """Return the simulated instant."""
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return simulated seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, duration: timedelta) -> None:
        """Wait."""
        await asyncio.sleep(duration.total_seconds())


def run_virtually(main: Coroutine[Any, Any, Result]) -> Result:
    """Run *main* on a new loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


async def in_real_time(awaited: Awaitable[Result]) -> Result:
    """Await something in real time while the clock is stopped."""
    with _loop().real_time():
        return await awaited


def stop_time_for(store: Store) -> Store:
    """Return *store* with ports whose calls take no simulated time and run one at a time.

    So calls run in the order of their start, and none waits for another one's lock in real time.
    """
    turn = asyncio.Lock()
    return replace(store, **{each.name: _RealPort(getattr(store, each.name), turn) for each in fields(store)})


def on_simulated_clock(store: Store, clock: Clock, *, budgets: Budgets) -> Store:
    """Return *store* with *budgets*, and with the database's clock replaced by *clock*."""
    return replace(store, budgets=budgets, database_clock=_DatabaseTime(clock))


class _DatabaseTime:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        return self._clock.now()


class _RealPort:
    """A port whose calls are made one at a time, in real time."""

    def __init__(self, port: object, turn: asyncio.Lock) -> None:
        self._port = port
        self._turn = turn

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        method = getattr(self._port, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*given: object, **named: object) -> object:
            async with self._turn:
                return await in_real_time(method(*given, **named))

        return call


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest of *values* that is not below *share* of them; None without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop
