"""What a nemesis does: each trouble is begun, works while processes run, and is over when it is told."""

import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from reconcile.simulator import Api, Booking, Fault, FaultKind, GeneratedLead
from tests.faults.altered_command import NOTHING
from tests.faults.proxy import Listens, Phase, Proxy
from tests.faults.test_statements import terminate
from tests.integration.processes import LIMIT, Company, Reconciler
from tests.integration.provider_events import ProviderEvents
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
SKEWS = (-400 * 86_400, -3600, -200, 200, 3600, 400 * 86_400)
SOME = tuple(each.replace("id = $1", "id = ANY($1)") for each in WRITES[:2])


FOLLOWED = 8
"""Bookings of one person: of more than 20 at Calendly, or 10 that replace each other, a lead's answer is refused."""


@dataclass
class ProviderEventsWithoutDeletion(ProviderEvents):
    """Bookings, cancellations and reschedules, without deletions: an absence is believed only at a second look-up."""

    happened: Counter[str] = field(default_factory=Counter)

    def _happen(self, lead: GeneratedLead) -> None:
        if lead.api is Api.CALENDLY and self.happened[lead.id] == FOLLOWED:
            return
        self.happened[lead.id] += 1
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
    provider_events: ProviderEventsWithoutDeletion
    broken: str = NOTHING
    """What each process does wrong, where it is the nemesis that is tried."""
    is_plain: bool = False
    """Whether each process goes by the right clock and over all workspaces."""
    running: list[Reconciler] = field(default_factory=list)

    async def begin(self) -> Reconciler:
        """Start another run, now and then by a wrong clock or over one workspace."""
        skew = self.chance.choice(SKEWS) if not self.is_plain and self.chance.random() < 0.2 else 0
        is_altered = skew or self.broken != NOTHING
        prefix = (sys.executable, "-m", "tests.faults.altered_command", str(skew), self.broken) if is_altered else ()
        chosen = self.chance.choice(
            [(), (), ("--workspace", self.chance.choice(sorted(self.company.world.workspaces)))]
        )
        if self.is_plain:
            chosen = ()
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
    """Stop what runs just before it writes, or where it is by then, beyond its lease; go on beside its successor."""
    left = stage.chance.randint(1, 20)
    stopped: list[Reconciler] = []
    is_stopped = asyncio.Event()

    async def stop() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            stopped.extend(stage.running)
            for each in stopped:
                each.send(signal.SIGSTOP)
            is_stopped.set()

    stage.proxy.before_writing.append(stop)
    try:
        # Half of the time as long as it takes: on a slow machine, 1.5 s end before anything is written.
        everybody = asyncio.gather(*(each.process.wait() for each in stage.running))
        waits: list[asyncio.Future[Any]] = [asyncio.create_task(is_stopped.wait()), everybody]
        patience = stage.chance.choice([1.5, LIMIT])
        await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        left = min(left, 1)
        await stop()
        await stage.company.expire_leases()
        successor = await stage.begin()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await successor.process.wait()
        yield
    finally:
        stage.proxy.before_writing.remove(stop)
        for each in stopped:
            each.send(signal.SIGCONT)


@asynccontextmanager
async def another_writer(stage: Stage) -> AsyncIterator[None]:
    """Write as a webhook handler does, just before runs write: to what they have read, and have not locked yet."""
    connection = await asyncpg.connect(
        stage.company.url, server_settings={"application_name": "webhook", "lock_timeout": "200ms"}
    )
    one_at_a_time = asyncio.Lock()

    async def write() -> None:
        if stage.chance.random() < 0.5:
            return
        chosen = [each.id for each in stage.company.world.leads if stage.chance.random() < 0.3]
        async with one_at_a_time:
            # Rows that somebody holds are left: who was stopped amid a transaction does not stop the others.
            with suppress(asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                await connection.execute(stage.chance.choice(SOME), chosen)

    stage.proxy.before_writing.append(write)
    yield
    stage.proxy.before_writing.remove(write)
    async with one_at_a_time:
        await connection.close()


@asynccontextmanager
async def a_shut_webhook(stage: Stage) -> AsyncIterator[None]:
    stage.company.receiver.is_shut = True
    yield
    await stage.company.receiver.open()


@asynccontextmanager
async def changing_lives(stage: Stage) -> AsyncIterator[None]:
    stage.provider_events.step(0.2)
    yield


@asynccontextmanager
async def a_broken_memory(stage: Stage) -> AsyncIterator[None]:
    """Let nobody write a breaker."""
    await stage.company.database.execute("ALTER TABLE reconcile_breaker ADD CONSTRAINT shut CHECK (false) NOT VALID")
    yield
    await stage.company.database.execute("ALTER TABLE reconcile_breaker DROP CONSTRAINT shut")


Trouble = Callable[[Stage], AbstractAsyncContextManager[None]]
TROUBLES: tuple[Trouble, ...] = (
    a_broken_provider,
    a_broken_database,
    a_killed_process,
    a_stopped_process,
    another_writer,
    a_shut_webhook,
    changing_lives,
    a_broken_memory,
)
EVERYDAY: tuple[Trouble, ...] = (another_writer, changing_lives)
"""What is no trouble by itself, and without which there is little to get wrong."""


def draw_troubles(chance: random.Random) -> list[Trouble]:
    """Return what happens in one round: one, two or three troubles, and every other time what happens every day."""
    some = chance.sample(TROUBLES, chance.randint(1, 3))
    return [each for each in EVERYDAY if each not in some and chance.random() < 0.5] + some
