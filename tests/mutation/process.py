"""Run pytest in processes forked from one that has imported everything but the program and its tests."""

import importlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from hypothesis import Phase, settings

T = TypeVar("T")

PASSED, TOO_LONG = "0", "SIGXCPU"
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 1)
IDLE_SECONDS, IDLE_CPU_SECONDS = 120, 0.6
"""A process that computes less than this in that time waits for something that never comes, or polls for it. The wall
clock decides nothing else: on a busy machine everything takes long."""
IDLE = 71
PROFILE = "mutants"
WARM = ("pytest", "pytest_asyncio", "hypothesis.stateful", "sqlalchemy.ext.asyncio", "aiosqlite", "alembic", "httpx")
OPTIONS = (
    *("--assert=plain", f"--hypothesis-profile={PROFILE}"),
    *("-p", "no:xdist", "-p", "no:randomly", "-p", "no:cacheprovider"),
)


def warm_up() -> None:
    """Import what every process needs, and set how Hypothesis searches."""
    for name in WARM:
        importlib.import_module(name)
    # The same examples each time, and none made smaller: that it fails is enough.
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(
        PROFILE, deadline=None, derandomize=True, max_examples=30, stateful_step_count=25, phases=phases
    )


def run_pytest(arguments: Sequence[str], *, plugins: Sequence[Any]) -> int:
    """Run pytest in this process and return its exit code."""
    pytest = importlib.import_module("pytest")
    return int(pytest.main([*OPTIONS, *arguments], plugins=list(plugins)))


def run_all(
    items: Iterable[T], work: Callable[[T], int], *, cpu_seconds: Callable[[T], float]
) -> Iterator[tuple[T, str]]:
    """Do the *work* for each item in a process of its own, ``JOBS`` of them at once: as many as there are processors.

    Yields each item with how its process ended: the exit code that *work* returned, or the signal's name.
    """
    running = dict[int, T]()

    def take() -> tuple[T, str]:
        child, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        return running.pop(child), str(code) if code >= 0 else signal.Signals(-code).name

    try:
        for item in items:
            running[_fork(lambda item=item: work(item), round(cpu_seconds(item)))] = item  # type: ignore[misc]
            if len(running) >= JOBS:
                yield take()
        while running:
            yield take()
    finally:
        for child in running:
            os.kill(child, signal.SIGKILL)


def _end_when_idle() -> None:
    before = -1.0
    while (now := time.process_time()) - before > IDLE_CPU_SECONDS:
        before = now
        time.sleep(IDLE_SECONDS)
    os._exit(IDLE)


def _fork(work: Callable[[], int], cpu_seconds: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        threading.Thread(target=_end_when_idle, daemon=True).start()
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = work()
    finally:
        os._exit(code)
