"""A release's state object with its store, and ticks between which an operator writes annotations."""

import json
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.coordination.annotation import ACKNOWLEDGED, PREFIX
from reconcile.ports import NoopTelemetry
from tests.services.memory_ports import MemoryMirror
from tests.services.stub_store import NOW, Stub
from tests.use_cases import AnnotationMemory, AppliedCommands, Mirror, apply_commands

GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")
CALENDLY = BreakerKey(BreakerScope.PROVIDER, "calendly")
HOLD, RESET, TRIP, CADENCE = (f"{PREFIX}{word}" for word in ("hold", "reset", "trip", "cadence-override"))
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FOR_2H = "reason=outage for=2h breaker=provider:ghl"


@dataclass
class StoppedClock:
    """A clock that stands still."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, duration: timedelta) -> None:
        del duration


@dataclass
class Release:
    """A state object, a store, and ticks between which an operator writes annotations."""

    stub: Stub = field(default_factory=Stub)
    port: MemoryMirror = field(default_factory=MemoryMirror)

    def mirror(self, at: timedelta = timedelta(0)) -> Mirror:
        return Mirror(port=self.port, clock=StoppedClock(NOW + at), random=random.Random(1), telemetry=NoopTelemetry())

    async def tick(self, at: timedelta = timedelta(0)) -> AppliedCommands:
        """Do what a run does with annotations, with its time *at* after the start."""
        mirror = self.mirror(at)
        read = await mirror.annotations()
        assert read is not None
        store = self.stub.store()
        done = await apply_commands(read, store=store, now=NOW + at, policy=BreakerPolicy(), source="configmap/one")
        mirror.acknowledge(done.updates)
        await mirror.publish_run(store.breakers, None)
        if mirror.has_acknowledged:
            await AnnotationMemory(store.applied_annotations, "configmap/one").remember_acknowledgement(NOW + at)
        return done

    def annotate(self, **texts: str | None) -> None:
        """Write annotations as ``kubectl annotate --overwrite`` does; None removes one."""
        for name, text in texts.items():
            key = f"{PREFIX}{name.replace('_', '-')}"
            if text is None:
                self.port.annotations.pop(key, None)
            elif self.port.annotations.get(key) != text:
                self.port.annotations[key] = text
        self.port.version += 1

    def acknowledged(self, word: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.port.annotations[ACKNOWLEDGED])["orders"][word]
        return read

    def until(self, key: BreakerKey = GHL) -> timedelta | None:
        """Return when the override of a breaker ends, from the start."""
        override = self.stub.breakers[key].override if key in self.stub.breakers else None
        return override.expires_at - NOW if override else None

    def state(self, at: timedelta, key: BreakerKey = GHL) -> BreakerState:
        return self.stub.breakers.get(key, Breaker(key=key)).effective_state(NOW + at)


def reasons(done: AppliedCommands) -> list[str]:
    return [each.reason for each in done.news]
