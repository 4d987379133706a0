"""A company with its own schema on PostgreSQL, from doctor over the first runs to undo, with the simulator behind."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from reconcile import bootstrap
from reconcile.domain.backfill.undo import Left
from reconcile.domain.ids import RunId
from reconcile.domain.run.report import RunReport
from reconcile.domain.views.finding import Finding
from reconcile.drill.clock import DrillClock
from reconcile.ports import NoopTelemetry, Store
from reconcile.simulator import Scenario, Simulator, World, WorldSize, simulate
from reconcile.simulator.generation.company_sql import fill_script, tables_script
from reconcile.store.doctor.check import check_schema
from reconcile.store.mapping.mapping import SchemaMapping, parse_mapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests import postgres
from tests.postgres import in_thread
from tests.timeouts import HUNG
from tests.use_cases import Dependencies, RunPolicy, RunRequest, Undo, on_clock, run, undo

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAPPINGS = Path(__file__).parent / "mappings"
SIZE = WorldSize(
    workspaces=2,
    leads_per_workspace=8,
    mix={
        Scenario.UNBOOKED: 2,
        Scenario.CONFIRMED: 3,
        Scenario.CANCELED: 2,
        Scenario.RESCHEDULED: 2,
        Scenario.REBOOKED: 1,
        Scenario.SHOWED: 1,
        Scenario.NO_SHOW: 1,
    },
)
_NOTES = ("attempted_at", "updated_at")
"""Fields whose columns say when we were there, which an undo does not take back."""
_TABLES = """
SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'
  AND table_name NOT LIKE 'reconcile\\_%' ORDER BY 1
"""

Rows = Mapping[str, Sequence[str]]


class _Clock(DrillClock):
    """Stands still until it is moved."""

    def monotonic(self) -> float:
        return self._skipped


def world() -> World:
    """Return the company's world; the same each time."""
    return World.generate(seed=3, now=lambda: START, size=SIZE)


def template(server: postgres.Server, schema: str) -> str:
    """Return the name of a new database with *schema*, filled, and with our tables; others are copies of it."""
    url = server.create_database()
    company = world()
    script = tables_script(schema) + fill_script(
        schema, workspaces=company.workspaces.values(), leads=company.leads, now=START
    )
    in_thread(execute(url, script))
    in_thread(migrate(url, mapping=written_mapping(schema)))
    return url.rpartition("/")[2]


async def execute(url: str, script: str) -> None:
    """Execute statements as somebody else would."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script)
    finally:
        await connection.close()


async def rows(url: str, *, without: Sequence[str] = ()) -> Rows:
    """Return all rows of the company's own tables as text, without some columns."""
    connection = await asyncpg.connect(url)
    try:
        tables = [name for (name,) in await connection.fetch(_TABLES)]
        return {
            table: sorted(
                text
                for (text,) in await connection.fetch(
                    f"SELECT (to_jsonb(t) - $1::text[])::text FROM {table} t",  # noqa: S608 - names from the catalog
                    list(without),
                )
            )
            for table in tables
        }
    finally:
        await connection.close()


def written_mapping(schema: str) -> SchemaMapping:
    """Return the mapping that a person wrote for *schema*."""
    return parse_mapping((MAPPINGS / f"{schema}.toml").read_text(), name=f"{schema}.toml")


async def doctor(url: str, schema: str) -> Sequence[Finding]:
    """Return what doctor finds through the mapping that a person wrote."""
    return await check_schema(url, mapping=written_mapping(schema), now=datetime.now(UTC))


@dataclass
class Journey:
    """What came of each step."""

    findings: Sequence[Finding]
    dry: RunReport
    first: RunReport
    again: RunReport
    left: Sequence[Left]
    reverted: int
    before: Rows
    after_dry: Rows
    after_first: Rows
    after_again: Rows
    after_undo: Rows


async def journey(url: str, mapping: SchemaMapping) -> Journey:
    """Return what doctor, a dry run, a run, a second run and an undo do, one after the other."""
    tables = [each for each in (mapping.lead, mapping.appointment) if each]
    notes = [name for each in tables for name in each.on_change]
    notes += [each.columns[name] for each in tables for name in _NOTES if name in each.columns]
    findings = await check_schema(url, mapping=mapping, now=datetime.now(UTC))
    before = await rows(url, without=notes)
    async with _company(url, mapping) as company:
        dry = await company.tick(dry_run=True)
        after_dry = await rows(url, without=notes)
        first = await company.tick()
        after_first = await rows(url, without=notes)
        again = await company.tick()
        after_again = await rows(url, without=notes)
        undoing = await undo(
            Undo(undone_run=first.run_id, run_id=RunId("undo")), store=company.store, clock=company.clock
        )
    return Journey(
        findings=findings,
        dry=dry,
        first=first,
        again=again,
        left=[each.reason for each in undoing.left],
        reverted=len(undoing.reverted),
        before=before,
        after_dry=after_dry,
        after_first=after_first,
        after_again=after_again,
        after_undo=await rows(url, without=notes),
    )


@dataclass
class _Company:
    simulator: Simulator
    store: Store
    clock: DrillClock
    reports: list[RunReport] = field(default_factory=list)

    async def tick(self, **asked: Any) -> RunReport:
        """Make one run over everything that is due, and let five minutes pass."""
        chance = random.Random(len(self.reports))
        async with bootstrap.providers_at(
            ghl_url=self.simulator.ghl_url,
            calendly_url=self.simulator.calendly_url,
            clock=self.clock,
            random=chance,
            attempt_timeout=timedelta(seconds=HUNG),
        ) as providers:
            report = await run(
                RunRequest(workspace_limit=100, leads_per_workspace=100, **asked),
                run_id=RunId(f"tick-{len(self.reports) + 1}"),
                policy=RunPolicy(),
                deps=Dependencies(
                    store=self.store, providers=providers, clock=self.clock, random=chance, telemetry=NoopTelemetry()
                ),
            )
        self.reports.append(report)
        self.clock.advance(timedelta(minutes=5))
        return report


@asynccontextmanager
async def _company(url: str, mapping: SchemaMapping) -> AsyncIterator[_Company]:
    clock = _Clock(START)
    async with simulate(world()) as simulator, open_store(url, mapping=mapping) as store:
        yield _Company(simulator=simulator, store=on_clock(store, clock), clock=clock)
