"""What a nemesis does: each trouble is begun, works while processes run, and is over when it is told."""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from reconcile.simulator import Booking, Fault, FaultKind, GeneratedLead
from tests.faults.proxy import Listens, Phase, Proxy
from tests.faults.test_statements import terminate
from tests.integration.life import Life
from tests.integration.processes import Company, Reconciler
from tests.integration.test_processes_beside import WRITES

BODIES = (
    Fault(kind=FaultKind.SERVER_ERROR, value=503),
    Fault(kind=FaultKind.RESET),
    Fault(kind=FaultKind.RESET_MID_BODY),
    Fault(kind=FaultKind.TRUNCATE),
    Fault(kind=FaultKind.GARBAGE),
    Fault(kind=FaultKind.HTML),
    Fault(kind=FaultKind.CUT_JSON),
    Fault(kind=FaultKind.EMPTY_BODY),
    Fault(kind=FaultKind.DEEP_JSON),
    Fault(kind=FaultKind.MISSING_ID),
    Fault(kind=FaultKind.ENVELOPE, value="appointment"),
    Fault(kind=FaultKind.UNAUTHORIZED),
    Fault(kind=FaultKind.NOT_FOUND),
    Fault(kind=FaultKind.RATE_LIMITED),
    Fault(kind=FaultKind.BLACK_HOLE),
    Fault(kind=FaultKind.LATENCY, value=300),
    Fault(kind=FaultKind.REDIRECT),
)
SKEWS = (-400 * 86_400, -3600, 3600, 400 * 86_400)


class Lives(Life):
    """People book, call off and move. Nobody deletes: that a booking is gone is believed at a second look."""

    def _happen(self, lead: GeneratedLead) -> None:
        truth = self.truths[lead.id]
        if truth is None or truth.status == "canceled":
            self.truths[lead.id] = self._book(lead)
        elif truth.status == "confirmed" and truth.starts_at > self.world.now():
            act: Callable[[GeneratedLead, Booking], Booking] = self.chance.choice([self._cancel, self._move])
            self.truths[lead.id] = act(lead, truth)


@dataclass
class Stage:
    """Where it happens."""

    company: Company
    proxy: Proxy
    chance: random.Random
    lives: Lives
    running: list[Reconciler] = field(default_factory=list)

    async def begin(self) -> Reconciler:
        """Start another run, now and then by a wrong clock or over one workspace."""
        prefix: tuple[str, ...] = ()
        if self.chance.random() < 0.2:
            prefix = (sys.executable, "-m", "tests.faults.skewed", str(self.chance.choice(SKEWS)))
        chosen = self.chance.choice(
            [(), (), ("--workspace", self.chance.choice(sorted(self.company.world.workspaces)))]
        )
        started = await self.company.start("run", *chosen, prefix=prefix, database_url=self.proxy.url)
        self.running.append(started)
        return started


@asynccontextmanager
async def a_broken_provider(stage: Stage) -> AsyncIterator[None]:
    broken = stage.chance.choice(BODIES)
    where = stage.chance.choice([None, *sorted(stage.company.world.workspaces)])
    share = stage.chance.choice([0.3, 1.0])
    stage.company.simulator.faults.add(Fault(kind=broken.kind, value=broken.value, workspace=where, share=share))
    yield
    stage.company.simulator.faults.clear()


@asynccontextmanager
async def a_broken_database(stage: Stage) -> AsyncIterator[None]:
    async def silent() -> None:
        stage.proxy.listens = Listens.IS_SILENT

    deeds = [None, stage.proxy.go_away, lambda: terminate(stage.company), silent]
    at = stage.chance.randint(1, 80)
    stage.proxy.cut(at, stage.chance.choice(list(Phase)), deed=stage.chance.choice(deeds))
    yield
    stage.proxy.heal()
    stage.proxy.reset_all()


@asynccontextmanager
async def a_killed_process(stage: Stage) -> AsyncIterator[None]:
    await asyncio.sleep(stage.chance.random())
    stage.chance.choice(stage.running).send(stage.chance.choice([signal.SIGKILL, signal.SIGTERM]))
    yield


@asynccontextmanager
async def a_stopped_process(stage: Stage) -> AsyncIterator[None]:
    """Stop one beyond its lease, and let it go on beside its successor."""
    await asyncio.sleep(stage.chance.random())
    stopped = stage.chance.choice(stage.running)
    stopped.send(signal.SIGSTOP)
    try:
        await stage.company.expire_leases()
        await stage.begin()
        yield
    finally:
        stopped.send(signal.SIGCONT)


@asynccontextmanager
async def another_writer(stage: Stage) -> AsyncIterator[None]:
    """Write as a webhook handler does, as long as processes run: also between their reading and their writing."""

    async def write() -> None:
        connection = await asyncpg.connect(stage.company.url, server_settings={"application_name": "webhook"})
        try:
            while True:
                lead = stage.chance.choice(stage.company.world.leads)
                await connection.execute(stage.chance.choice(WRITES[:2]), lead.id)
                await asyncio.sleep(0.005)
        finally:
            connection.terminate()

    writing = asyncio.create_task(write())
    yield
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


@asynccontextmanager
async def a_shut_webhook(stage: Stage) -> AsyncIterator[None]:
    stage.company.receiver.is_shut = True
    yield
    await stage.company.receiver.open()


@asynccontextmanager
async def changing_lives(stage: Stage) -> AsyncIterator[None]:
    stage.lives.step(0.2)
    yield


@asynccontextmanager
async def a_broken_memory(stage: Stage) -> AsyncIterator[None]:
    """Let nobody write a breaker."""
    await stage.company.database.execute("ALTER TABLE reconcile_breaker ADD CONSTRAINT shut CHECK (false) NOT VALID")
    yield
    await stage.company.database.execute("ALTER TABLE reconcile_breaker DROP CONSTRAINT shut")


TROUBLES: tuple[Callable[[Stage], AbstractAsyncContextManager[None]], ...] = (
    a_broken_provider,
    a_broken_database,
    a_killed_process,
    a_stopped_process,
    another_writer,
    a_shut_webhook,
    changing_lives,
    a_broken_memory,
)
