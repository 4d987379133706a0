"""Keeps the state object's annotations equal to our breakers, while the Kubernetes API may fail.

The database is the source of truth. A writer reads the object's version first, then the database, then patches with
that version. The database then contains all that other processes have written to the object, so no newer state is
replaced by an older one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TypeVar

from reconcile.domain.breaker.breaker import Breaker, BreakerReason, BreakerScope, BreakerState
from reconcile.domain.coordination.acknowledgement import OrderUpdate, updated_annotations
from reconcile.domain.coordination.annotation import (
    ACKNOWLEDGED,
    BREAKER,
    LAST_RUN,
    breaker_annotations,
    is_of_the_future,
)
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.report_document import receipt_text
from reconcile.errors import MirrorConflict, MirrorUnavailable, StoreUnavailable
from reconcile.ports import Announcement, Breakers, Clock, StateMirror, StateObject, Telemetry

LIMIT_AT_START = timedelta(seconds=5)
"""How long a run waits for operators' commands; a hold must reach a run where importing the client takes seconds."""
LIMIT_AT_END = timedelta(seconds=2)
"""How long a run waits until its state is written. It is part of the 12 s in which a run ends after SIGTERM."""
ATTEMPTS = 12
"""Attempts of a write when others write at the same time."""
_PAUSE = timedelta(milliseconds=10)
_FUTURE = (
    "a later version of this program wrote the annotations, and they are not changed; run that version, or remove "
    f"them: kubectl annotate OBJECT {BREAKER}- {LAST_RUN}-"
)

_COUNTED = {BreakerReason.ERROR_RATE, BreakerReason.CONTRACT_FAULT, BreakerReason.MANY_WORKSPACES}
"""Reasons that the counts of a breaker belong to: later transitions keep those of the trip."""

Result = TypeVar("Result")
Compose = Callable[[Mapping[str, str]], Awaitable[Mapping[str, str | None]]]
"""Returns the annotations to write on an object that has the given ones; None removes one."""


@dataclass(slots=True)
class MirrorCounts:
    """Counts of writes and of conflicts."""

    writes: int = 0
    conflicts: int = 0


@dataclass(slots=True, kw_only=True)
class Mirror:
    """One process's mirror of the state object."""

    port: StateMirror
    clock: Clock
    random: Random
    telemetry: Telemetry
    source: str = ""
    """The object as kubectl writes it."""
    counts: MirrorCounts = field(default_factory=MirrorCounts)
    trouble: str | None = None
    """The first failure; it is reported once, in the log and in the report."""
    has_acknowledged: bool = False
    """Whether this process has written acknowledgements."""
    _first: "asyncio.Task[StateObject] | None" = None
    _seen: StateObject | None = None
    _background: "asyncio.Task[None] | None" = None
    _is_stale: bool = False
    _announced: list[Announcement] = field(default_factory=list)
    _orders: Mapping[str, OrderUpdate] = field(default_factory=dict)

    def begin(self) -> None:
        """Start to read, concurrently with the start of the run."""
        self._first = asyncio.create_task(self.port.read())

    async def annotations(self) -> Mapping[str, str] | None:
        """Return the annotations as they were at the start of the run; None if the API did not return them in time."""
        if self._seen is None:
            self._seen = await self._in_time(self._first_read(), limit=LIMIT_AT_START)
        return None if self._seen is None else self._seen.annotations

    async def _first_read(self) -> StateObject:
        if self._first is None:
            self.begin()
        assert self._first is not None  # noqa: S101 - started above
        return await self._first

    def acknowledge(self, orders: Mapping[str, OrderUpdate]) -> None:
        """Write the acknowledgements of operators' commands with the next state."""
        self._orders = orders

    def show_transition(self, breaker: Breaker, breakers: Breakers) -> None:
        """Announce, in the background, that a breaker of the run or of a provider has changed state."""
        if breaker.key.scope is not BreakerScope.WORKSPACE:
            self.announce(_transition(breaker), breakers)

    async def _write_pending(self, breakers: Breakers) -> None:
        while self._is_stale or self._announced:
            if self._is_stale:
                self._is_stale = False
                await self._attempt(self._write(lambda seen: self._annotations(breakers, seen)))
            while self._announced:
                await self._announce(self._announced.pop(0))

    def announce(self, announcement: Announcement, breakers: Breakers) -> None:
        """Emit an event and update the annotations in the background."""
        self._announced.append(announcement)
        self._is_stale = True
        if self._background is None or self._background.done():
            self._background = asyncio.create_task(self._write_pending(breakers))

    async def publish_run(self, breakers: Breakers, report: RunReport | None) -> str | None:
        """Write the breakers and the receipt of a run; return a sentence for the report if that failed."""

        async def compose(seen: Mapping[str, str]) -> Mapping[str, str | None]:
            composed = dict(await self._annotations(breakers, seen))
            if report is not None:
                composed[LAST_RUN] = receipt_text(report)
            return composed

        async def write_last() -> None:
            if self._background is not None:
                await self._background
            await self._write(compose)
            while self._announced:
                await self._announce(self._announced.pop(0))

        await self._in_time(write_last(), limit=LIMIT_AT_END)
        await self.close()
        return self.trouble

    async def close(self) -> None:
        """Cancel pending writes."""
        tasks = [task for task in (self._first, self._background) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def write(self, compose: Compose) -> None:
        """Write the annotations that *compose* returns; raises MirrorUnavailable."""
        await self._write(compose)

    async def _write(self, compose: Compose) -> None:
        for attempt in range(ATTEMPTS):
            seen = self._seen or await self.port.read()
            if is_of_the_future(seen.annotations):
                raise MirrorUnavailable(_FUTURE)
            composed = await compose(seen.annotations)
            news = {key: text for key, text in composed.items() if seen.annotations.get(key) != text}
            if not news:
                return
            try:
                self._seen = await self.port.patch(news, version=seen.version)
            except MirrorConflict:
                self._seen = None
                self.counts.conflicts += 1
                await self.clock.sleep(_PAUSE * (self.random.random() * 2 ** min(attempt, 5)))
            else:
                self.counts.writes += 1
                self.has_acknowledged |= ACKNOWLEDGED in news
                return
        raise MirrorUnavailable(f"the state object was changed by others {ATTEMPTS} times in a row")

    async def _annotations(self, breakers: Breakers, seen: Mapping[str, str]) -> Mapping[str, str | None]:
        state = breaker_annotations(await breakers.load(), now=self.clock.now())
        return {**state, **updated_annotations(self._orders, seen)}

    async def _announce(self, announcement: Announcement) -> None:
        with suppress(MirrorUnavailable):
            await self.port.announce(announcement)
            return
        self.telemetry.warning("event.not_emitted", reason=announcement.reason)

    async def _in_time(self, doing: Awaitable[Result], *, limit: timedelta) -> Result | None:
        """Wait for *doing*, at most for *limit*."""
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await self._attempt(doing)
        except TimeoutError:
            self._record_failure("the Kubernetes API did not answer in time")
            return None

    async def _attempt(self, doing: Awaitable[Result]) -> Result | None:
        try:
            return await doing
        except (MirrorUnavailable, StoreUnavailable) as error:
            self._record_failure(str(error))
            return None

    def _record_failure(self, what: str) -> None:
        if self.trouble is None:
            self.trouble = what
            self.telemetry.warning("state_object.not_in_step", error=what)


def _transition(breaker: Breaker) -> Announcement:
    is_bad = breaker.state is BreakerState.OPEN
    facts = f"{breaker.errors} of {breaker.checks} checks failed" if breaker.reason in _COUNTED else ""
    probe = f"next probe at {breaker.next_probe_at:%H:%M:%S} UTC" if is_bad and breaker.next_probe_at else ""
    text = "; ".join(part for part in (f"breaker {breaker.key} is {breaker.state}", facts, probe) if part)
    return Announcement(reason=breaker.reason.value, text=text, is_warning=is_bad)
