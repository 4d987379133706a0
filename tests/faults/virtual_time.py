"""Virtual time for many tasks: it passes when all of them wait for it, and none for the database."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass
from reconcile.ports import Sweep
from reconcile.store.db.database import Database
from tests.services.fakes import START, FakeClock, FakeProvider, failure

ATTEMPT = timedelta(seconds=10)


class Hours(FakeClock):
    """Who sleeps is woken in the order of time, however long it takes in ours."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        """Questions to the database that are under way."""
        self._line: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    async def sleep(self, duration: timedelta) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (self.at + duration, next(self._numbers), woken))
        await woken

    async def pass_by(self) -> None:
        """Let time pass for ever."""
        loop: Any = asyncio.get_running_loop()
        while True:
            if self.asked:
                await asyncio.sleep(0.0002)
            elif loop._ready or not self._line:
                await asyncio.sleep(0)
            else:
                until, _, woken = heapq.heappop(self._line)
                self.at = max(self.at, until)
                if not woken.done():
                    woken.set_result(None)


@asynccontextmanager
async def passing_hours(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hours]:
    """Give a clock whose time passes while nobody is busy."""
    hours = Hours()
    for kind in ("read_connection", "write_connection"):
        given = getattr(Database, kind)

        @asynccontextmanager
        async def counted(self: Database, given: Any = given) -> AsyncIterator[Any]:
            hours.asked += 1
            try:
                async with given(self) as connection:
                    yield connection
            finally:
                hours.asked -= 1

        monkeypatch.setattr(Database, kind, counted)
    passing = asyncio.create_task(hours.pass_by())
    try:
        yield hours
    finally:
        passing.cancel()
        with suppress(asyncio.CancelledError):
            await passing


class FarProvider(FakeProvider):
    """Answers after *latency*, and workspaces in *lost* never."""

    latency = timedelta(milliseconds=50)
    lost: frozenset[str] = frozenset()

    async def answer(self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        await self._travel(workspace, deadline=deadline)
        return await super().answer(lead, lookup, workspace, deadline=deadline)

    async def sweep(self, leads: Sequence[Lead], workspace: Workspace, *, plan: SweepPlan, deadline: float) -> Sweep:
        await self._travel(workspace, deadline=deadline)
        return await super().sweep(leads, workspace, plan=plan, deadline=deadline)

    async def _travel(self, workspace: Workspace, *, deadline: float) -> None:
        if workspace.id not in self.lost:
            await self.clock.sleep(self.latency)
            return
        left = timedelta(seconds=max(0.0, deadline - self.clock.monotonic()))
        self._calls[workspace.id] += 1
        await self.clock.sleep(min(ATTEMPT, left))
        raise failure(ErrorClass.TIMEOUT)


def since_start(at: datetime) -> float:
    return (at - START).total_seconds()
