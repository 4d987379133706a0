"""How long a run waits for the Kubernetes API, in virtual time."""

import asyncio

from benchmarks.virtual_time import run_virtually
from reconcile.domain.breaker.breaker import RUN_KEY, Breaker
from reconcile.ports import StateObject
from tests.services.control.test_mirror import Truth, as_breakers, mirror_of
from tests.services.memory_ports import MemoryMirror
from tests.services.verification.test_document import report
from tests.use_cases import LIMIT_AT_END, LIMIT_AT_START


class Slow(MemoryMirror):
    """It never answers."""

    async def read(self) -> StateObject:
        await asyncio.Event().wait()
        raise AssertionError


class Late(MemoryMirror):
    """It answers after 4 s."""

    async def read(self) -> StateObject:
        await asyncio.sleep(4)
        return await super().read()


def test_a_run_waits_for_a_silent_api_no_longer_than_the_two_limits() -> None:
    async def run() -> tuple[object, str | None, float, float, list[str]]:
        mirror, notes = mirror_of(Slow())
        elapsed = asyncio.get_running_loop().time
        mirror.begin()
        read = await mirror.annotations()
        started = elapsed()
        trouble = await mirror.publish_run(as_breakers(Truth()), report())
        return read, trouble, started, elapsed() - started, notes.names

    read, trouble, at_start, at_end, names = run_virtually(run())

    assert (read, trouble) == (None, "the Kubernetes API did not answer in time")
    assert (at_start, at_end) == (LIMIT_AT_START.total_seconds(), LIMIT_AT_END.total_seconds())
    assert names == ["state_object.not_in_step"]


def test_a_hold_reaches_a_run_whose_node_takes_four_seconds_to_import_the_client() -> None:
    async def run() -> object:
        mirror, _ = mirror_of(Late(annotations={"appointment-reconciler.io/hold": "for=1h reason=vendor"}))
        mirror.begin()
        return await mirror.annotations()

    assert run_virtually(run()) == {"appointment-reconciler.io/hold": "for=1h reason=vendor"}


async def test_running_calls_are_abandoned_at_the_end() -> None:
    mirror, _ = mirror_of(Slow())
    mirror.begin()
    mirror.show_transition(Breaker(key=RUN_KEY), as_breakers(Truth()))
    await mirror.close()

    assert len(asyncio.all_tasks()) == 1
