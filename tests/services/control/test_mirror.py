"""The mirror follows the truth, whatever the API and others do meanwhile, and a run never waits for it long."""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    Trip,
)
from reconcile.domain.coordination.annotation import BREAKER, BREAKER_STATE, LAST_RUN
from reconcile.errors import MirrorUnavailable, StoreUnavailable
from reconcile.ports import Announcement, Breakers, NoopTelemetry, StateObject
from tests.services.memory_ports import MemoryMirror
from tests.services.stub_store import NOW
from tests.services.verification.test_document import report
from tests.use_cases import ATTEMPTS, Mirror

GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")
OPEN = Breaker(key=GHL).trip(NOW, Trip(reason=BreakerReason.CONTRACT_FAULT, checks=4, errors=3), policy=BreakerPolicy())
AWAY = MirrorUnavailable("the Kubernetes API answered 503")


@dataclass
class Hourglass:
    """A clock that stands; nobody waits."""

    at: float = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, duration: timedelta) -> None:
        del duration
        await asyncio.sleep(0)


@dataclass
class Notes(NoopTelemetry):
    """What was told."""

    names: list[str] = field(default_factory=list)

    def event(self, name: str, **_: object) -> None:
        self.names.append(name)

    def warning(self, name: str, **_: object) -> None:
        self.names.append(name)


@dataclass
class Truth:
    """The database's breakers."""

    rows: list[Breaker] = field(default_factory=list)
    trouble: Exception | None = None

    async def load(self) -> Sequence[Breaker]:
        if self.trouble:
            raise self.trouble
        return self.rows


@dataclass
class Rival(MemoryMirror):
    """Somebody else writes before each of our first *times* writes, and *then* happens."""

    times: int = 0
    truth: Truth | None = None
    moved: Breaker | None = None

    async def patch(self, annotations: Mapping[str, str | None], *, version: str) -> StateObject:
        if self.times:
            self.times -= 1
            self.version += 1
            if self.truth is not None and self.moved is not None:
                self.truth.rows = [self.moved]
        return await super().patch(annotations, version=version)


def mirror_of(port: MemoryMirror) -> tuple[Mirror, Notes]:
    notes = Notes()
    return Mirror(port=port, clock=Hourglass(), random=random.Random(1), telemetry=notes), notes


def as_breakers(truth: Truth) -> Breakers:
    return cast("Breakers", truth)


def mirrored_breakers(port: MemoryMirror) -> Any:
    return json.loads(port.annotations[BREAKER])


async def test_a_healthy_run_is_one_read_and_one_write() -> None:
    port = MemoryMirror()
    mirror, notes = mirror_of(port)
    mirror.begin()
    read = await mirror.annotations()
    trouble = await mirror.publish_run(as_breakers(Truth()), report())

    assert (read, trouble, notes.names) == ({}, None, [])
    assert (port.reads, port.version) == (1, 2)
    assert set(port.annotations) == {BREAKER, BREAKER_STATE, LAST_RUN}


async def test_unchanged_annotations_are_not_written_again() -> None:
    port = MemoryMirror()
    for _ in range(2):
        mirror, _ = mirror_of(port)
        await mirror.publish_run(as_breakers(Truth([OPEN])), None)

    assert port.version == 2


async def test_a_transition_is_mirrored_at_once_with_an_event() -> None:
    port, truth = MemoryMirror(), Truth([OPEN])
    mirror, _ = mirror_of(port)
    mirror.show_transition(OPEN, as_breakers(truth))
    mirror.show_transition(replace(OPEN, key=BreakerKey(BreakerScope.WORKSPACE, "ws-1")), as_breakers(truth))
    await asyncio.sleep(0.01)

    assert mirrored_breakers(port)["state"] == "open"
    assert port.announced == [
        Announcement(
            reason="ContractFault",
            text="breaker provider:ghl is open; 3 of 4 checks failed; next probe at 12:00:45 UTC",
            is_warning=True,
        )
    ]


@pytest.mark.parametrize(
    ("moved", "text"),
    [
        (OPEN.begin_probe(OPEN.next_probe_at or NOW), "breaker provider:ghl is half_open"),
        (
            OPEN.begin_probe(OPEN.next_probe_at or NOW).advance(NOW, policy=BreakerPolicy()),
            "breaker provider:ghl is half_open",
        ),
        (OPEN.close(NOW, reason=BreakerReason.RECOVERED), "breaker provider:ghl is closed"),
    ],
    ids=["probe", "probe succeeded", "recovered"],
)
async def test_the_event_of_a_recovery_does_not_repeat_the_counts_of_the_trip(moved: Breaker, text: str) -> None:
    port = MemoryMirror()
    mirror, _ = mirror_of(port)
    mirror.show_transition(moved, as_breakers(Truth([moved])))
    await asyncio.sleep(0.01)

    assert [each.text for each in port.announced] == [text]


async def test_after_a_conflict_the_breakers_are_read_again() -> None:
    """What another process has shown before is in the database by then: nothing newer is ever replaced."""
    closed = OPEN.close(NOW, reason=BreakerReason.RECOVERED)
    truth = Truth([OPEN])
    port = Rival(times=3, truth=truth, moved=closed)
    mirror, _ = mirror_of(port)

    assert await mirror.publish_run(as_breakers(truth), None) is None
    assert (mirrored_breakers(port)["state"], mirror.counts.conflicts) == ("closed", 3)
    assert [
        each["generation"] for each in mirrored_breakers(port)["breakers"] if each["breaker"] == "provider:ghl"
    ] == [2]


async def test_endless_conflicts_are_given_up() -> None:
    mirror, notes = mirror_of(Rival(times=1000))

    assert await mirror.publish_run(as_breakers(Truth([OPEN])), None) == (
        f"the state object was changed by others {ATTEMPTS} times in a row"
    )
    assert notes.names == ["state_object.not_in_step"]


@pytest.mark.parametrize("times", [1, 2, 3, 9])
async def test_an_api_failure_is_logged_once_with_a_sentence(times: int) -> None:
    port = MemoryMirror(trouble=[AWAY] * times)
    mirror, notes = mirror_of(port)
    mirror.begin()
    read = await mirror.annotations()
    mirror.show_transition(OPEN, as_breakers(Truth([OPEN])))
    trouble = await mirror.publish_run(as_breakers(Truth([OPEN])), report())

    assert (read, trouble) == (None, "the Kubernetes API answered 503")
    assert [name for name in notes.names if name != "event.not_emitted"] == ["state_object.not_in_step"]


async def test_an_api_that_recovers_gets_the_final_state() -> None:
    port = MemoryMirror(trouble=[AWAY])
    mirror, _ = mirror_of(port)
    await mirror.annotations()
    await mirror.publish_run(as_breakers(Truth([OPEN])), report())

    assert mirrored_breakers(port)["state"] == "open"


async def test_annotations_of_a_later_version_are_not_changed() -> None:
    theirs = {BREAKER: '{"version":2,"states":{}}'}
    port = MemoryMirror(annotations=dict(theirs))
    mirror, _ = mirror_of(port)
    trouble = await mirror.publish_run(as_breakers(Truth([OPEN])), report())

    assert (trouble, port.annotations) == (
        (
            "a later version of this program wrote the annotations, and they are not changed; run that version, or "
            "remove them: kubectl annotate OBJECT appointment-reconciler.io/breaker- "
            "appointment-reconciler.io/last-run-"
        ),
        theirs,
    )


@pytest.mark.parametrize("garbage", ["", "{", "[]", "null", '{"version":{}}', "x" * 10_000])
async def test_an_unreadable_annotation_is_replaced(garbage: str) -> None:
    port = MemoryMirror(annotations={BREAKER: garbage, LAST_RUN: garbage})
    mirror, _ = mirror_of(port)

    assert await mirror.publish_run(as_breakers(Truth([OPEN])), report()) is None
    assert mirrored_breakers(port)["state"] == "open"


async def test_an_unreachable_database_changes_no_annotation() -> None:
    port = MemoryMirror(annotations={BREAKER_STATE: "open"})
    mirror, _ = mirror_of(port)
    truth = Truth(trouble=StoreUnavailable("the database is away"))

    assert await mirror.publish_run(as_breakers(truth), report()) == "the database is away"
    assert port.annotations == {BREAKER_STATE: "open"}


async def test_a_failed_event_is_logged() -> None:
    port = MemoryMirror()
    mirror, notes = mirror_of(port)
    await mirror.annotations()
    mirror.announce(Announcement(reason="R", text="t"), as_breakers(Truth()))
    await asyncio.sleep(0.01)
    port.trouble = [AWAY]
    mirror.announce(Announcement(reason="R", text="t"), as_breakers(Truth()))

    assert await mirror.publish_run(as_breakers(Truth()), None) is None
    assert notes.names == ["event.not_emitted"]
