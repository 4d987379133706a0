"""`reconcile run` as real processes on one PostgreSQL: started, halted at exact points, killed, stopped, continued."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from reconcile.drill.company import enter
from reconcile.simulator import Scenario, Simulator, World, WorldSize, simulate
from tests import postgres
from tests.integration.receiver import Receiver, a_receiver
from tests.timeouts import HUNG

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "reconcile_cli.main")
LIMIT = HUNG
"""Seconds after which a test gives up waiting: it is broken then, not slow."""
PATIENCE = timedelta(milliseconds=20)
"""Between two looks at what cannot be waited for otherwise."""
SECRET = "a-secret-of-the-webhook"
MIX: Mapping[Scenario, float] = {
    Scenario.UNBOOKED: 15,
    Scenario.CONFIRMED: 35,
    Scenario.CANCELED: 20,
    Scenario.SHOWED: 5,
    Scenario.RESCHEDULED: 15,
    Scenario.REBOOKED: 10,
}
"""Nothing whose end depends on when it was first seen: two databases that went through different runs must be equal."""

_LEADS = """
SELECT id, status, contact_id, booking_id, booking_provider, booking_status,
       booking_starts_at, booking_ends_at, booking_canceled_at FROM lead ORDER BY id
"""
_APPOINTMENTS = """
SELECT lead_id, appointment_id, provider, status, starts_at, ends_at, canceled_at, replaces
FROM appointment ORDER BY lead_id, appointment_id
"""
_EFFECTS = "SELECT key, kind, workspace_id, lead_id, appointment_id FROM reconcile_outbox ORDER BY key"
_CHANGES = 'SELECT lead_id, outcome, "before", "after" FROM reconcile_change ORDER BY id'
_EXPIRE_LEASES = "UPDATE reconcile_lease SET expires_at = now() - interval '1 second'"
_END_SILENT_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND wait_event = 'ClientRead'
"""
_SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'reconcile'
"""
_WAITING = _SESSIONS + " AND wait_event_type = 'Lock'"


async def until(is_true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what tells nobody that it is so: look again and again."""
    async with asyncio.timeout(LIMIT):
        while not await is_true():  # noqa: ASYNC110 - what another process does sets no event of ours
            await asyncio.sleep(PATIENCE.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The last line of stdout."""
        assert self.out, f"no report; stderr says: {self.err}"
        report: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return report


@dataclass
class Reconciler:
    """One process of ours."""

    process: asyncio.subprocess.Process

    def send(self, number: signal.Signals) -> None:
        """Send it a signal. By its id: asyncio's own way looks whether it has ended, and takes its exit code away."""
        with suppress(ProcessLookupError):
            if self.process.returncode is None:
                os.kill(self.process.pid, number)

    async def ended(self, *, within: float = LIMIT) -> Ended:
        """Wait for its end and return what it left."""
        async with asyncio.timeout(within):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return Ended(code=self.process.returncode, out=out.decode(), err=err.decode())

    async def killed(self) -> None:
        """Kill it, and wait until it is gone."""
        self.send(signal.SIGKILL)
        await self.ended()


@dataclass
class Company:
    """A company's database, both providers, its webhook, and whatever runs on them."""

    url: str
    world: World
    simulator: Simulator
    receiver: Receiver
    database: asyncpg.Connection
    settings: dict[str, str] = field(default_factory=dict)
    running: list[Reconciler] = field(default_factory=list)

    async def start(self, *arguments: str, prefix: tuple[str, ...] = (), **settings: str) -> Reconciler:
        """Start ``reconcile run`` (or another command); *settings* are variables without their prefix."""
        given = {**self.settings, **{f"RECONCILE_{name.upper()}": value for name, value in settings.items()}}
        process = await asyncio.create_subprocess_exec(
            *prefix,
            *COMMAND,
            *(arguments or ("run",)),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'cmd'}:{ROOT}", **given},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started = Reconciler(process)
        self.running.append(started)
        return started

    async def run(self, **settings: str) -> Ended:
        """Make one undisturbed run."""
        return await (await self.start("run", prefix=(), **settings)).ended()

    async def copied(self, server: postgres.Server) -> str:
        """Return the URL of a new database that is as this one is now."""
        await self.database.close()
        url = server.create_database(template=self.url.rpartition("/")[2])
        self.database = await asyncpg.connect(self.url)
        return url

    async def asked(self, *, of: int = 1) -> None:
        """Wait until providers have got so many requests."""
        async with asyncio.timeout(LIMIT):
            await self.simulator.requests.until(lambda: self.simulator.requests.total >= of)

    async def held(self) -> None:
        """Wait until a provider keeps an answer back."""

        async def is_held() -> bool:
            return bool(self.simulator.connections.held)

        await until(is_held)

    def let_go(self) -> None:
        """Let providers answer, and whatever they have kept back too."""
        self.simulator.faults.clear()
        self.simulator.release()

    @asynccontextmanager
    async def locked(self, statement: str, *arguments: object) -> AsyncIterator[None]:
        """Hold the locks of *statement* for a block, as somebody else's transaction would."""
        connection = await asyncpg.connect(self.url)
        try:
            async with connection.transaction():
                await connection.execute(statement, *arguments)
                yield
        finally:
            await connection.close()

    async def waiting(self) -> None:
        """Wait until a process of ours waits for a lock."""

        async def is_waiting() -> bool:
            return bool(await self.database.fetchval(_WAITING))

        await until(is_waiting)

    async def sessions(self, count: int) -> None:
        """Wait until so many sessions of ours are left on the database."""

        async def are_left() -> bool:
            return bool(await self.database.fetchval(_SESSIONS) == count)

        await until(are_left)

    async def expire_leases(self) -> None:
        """Let the leases' time pass; whose process was stopped amid a statement has its session given up, too."""
        try:
            async with self.database.transaction():
                await self.database.execute("SET LOCAL lock_timeout = '2s'")
                await self.database.execute(_EXPIRE_LEASES)
        except asyncpg.LockNotAvailableError:
            await self.give_up_silent_sessions()
            await self.database.execute(_EXPIRE_LEASES)

    async def give_up_silent_sessions(self) -> None:
        """Let as much time pass as database or network wait for a peer that is silent in a transaction."""
        await self.database.execute(_END_SILENT_SESSIONS)

    async def rest(self) -> None:
        """Let as much time pass for the accounts as fills their budgets again."""
        await self.database.execute("DELETE FROM reconcile_budget")
        await self.database.execute("UPDATE reconcile_workspace_state SET not_before = NULL")

    async def facts(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what the customer's tables say, and which effects were asked for."""
        questions = {"leads": _LEADS, "appointments": _APPOINTMENTS, "effects": _EFFECTS}
        return {name: [tuple(r) for r in await self.database.fetch(q)] for name, q in questions.items()}

    async def changes(self) -> list[tuple[Any, ...]]:
        """Return the ledger's changes in the order in which they were written."""
        return [tuple(row) for row in await self.database.fetch(_CHANGES)]

    async def held_leases(self) -> list[str]:
        """Return the names of the leases that somebody holds."""
        rows = await self.database.fetch("SELECT name FROM reconcile_lease WHERE expires_at > now() ORDER BY name")
        return [row["name"] for row in rows]

    async def settle(self, *, most: int = 12) -> list[Ended]:
        """Make undisturbed runs until one finds everything as it should be and delivered."""
        runs: list[Ended] = []
        while len(runs) < most:
            await self.rest()
            runs.append(await self.run(leads_per_workspace="1000"))
            report = runs[-1].report
            assert (runs[-1].code, report["stopped"]) == (0, None), runs[-1]
            if report["leadsChecked"] == report["noChange"] and not report["effectsPending"]:
                return runs
        raise AssertionError(f"still not settled: {runs[-1].report}")


@asynccontextmanager
async def a_company(
    url: str, *, simulator: Simulator, receiver: Receiver, is_seeded: bool = False, **settings: str
) -> AsyncIterator[Company]:
    """Give the company whose migrated database is at *url*; whatever it started is ended with it."""
    world = simulator.world
    if not is_seeded:
        await enter(url, world)
    given = {
        "database_url": url,
        "ghl_base_url": simulator.ghl_url,
        "calendly_base_url": simulator.calendly_url,
        "webhook_url": receiver.url,
        "webhook_secret": SECRET,
        "follow_ups": "all",  # the companies of these tests change before their first check
        "run_min_changes": "10000",
        "hot_minutes": "0",
        "workspace_concurrency": "2",
        "lead_concurrency": "2",
        "output": "json",
        **settings,
    }
    company = Company(
        url=url,
        world=world,
        simulator=simulator,
        receiver=receiver,
        database=await asyncpg.connect(url),
        settings={f"RECONCILE_{name.upper()}": value for name, value in given.items()},
    )
    try:
        yield company
    finally:
        for each in company.running:
            if each.process.returncode is None:
                await each.killed()
        await company.database.close()


@asynccontextmanager
async def a_simulator(*, seed: int, size: WorldSize) -> AsyncIterator[Simulator]:
    """Serve a generated world by the machine's clock."""
    world = World.generate(seed=seed, now=lambda: datetime.now(UTC), anchor=datetime.now(UTC), size=size)
    async with simulate(world) as simulator:
        yield simulator


@asynccontextmanager
async def one_company(
    url: str, *, seed: int = 1, size: WorldSize | None = None, **settings: str
) -> AsyncIterator[Company]:
    """Give a small company with everything that it needs."""
    wanted = size or WorldSize(workspaces=3, leads_per_workspace=6, mix=MIX)
    async with (
        a_simulator(seed=seed, size=wanted) as simulator,
        a_receiver() as receiver,
        a_company(url, simulator=simulator, receiver=receiver, is_seeded=False, **settings) as company,
    ):
        yield company
