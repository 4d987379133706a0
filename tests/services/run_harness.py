"""A run harness: the real use case over a real store, with fakes for everything else."""

import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, inspect, literal_column, select, table

from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.lead import Lead, LeadState
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.request import OnChange
from reconcile.domain.workspace import Workspace
from reconcile.ports import Store
from reconcile.store.db.database import Database
from reconcile.store.leads.seed import seed
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.session import open_store
from tests.domain.factories import a_booked_lead, a_lead, an_appointment
from tests.services.fakes import START, Allowance, Ear, FakeClock, FakeProvider, FakeSink, a_workspace
from tests.stores import DEFAULT
from tests.use_cases import (
    Dependencies,
    Heartbeat,
    LocalDatabaseClock,
    Mirror,
    Notifier,
    RunPolicy,
    RunRequest,
    Stop,
    run,
)

TICK = timedelta(minutes=1)
GHL = ProviderName.HIGHLEVEL


@dataclass
class RunHarness:
    """What a run works with; a test changes any of it between two runs."""

    url: str
    store: Store
    clock: FakeClock
    providers: dict[ProviderName, FakeProvider]
    policy: RunPolicy = field(default_factory=RunPolicy)
    sink: FakeSink | None = None
    notifier: Notifier | None = None
    mirror: Mirror | None = None
    heartbeat: Heartbeat | None = None
    ear: Ear = field(default_factory=Ear)
    stop: Stop = field(default_factory=Stop)
    reports: list[RunReport] = field(default_factory=list)

    @property
    def ghl(self) -> FakeProvider:
        return self.providers[GHL]

    async def run(
        self,
        *,
        then: timedelta = TICK,
        store: Store | None = None,
        on_change: OnChange | None = None,
        **asked: Any,
    ) -> RunReport:
        """Make one run, and let a minute pass."""
        wanted = {"workspace_limit": 100, "leads_per_workspace": 50, **asked}
        self.stop = Stop()
        report = await run(
            RunRequest(**wanted),
            run_id=RunId(f"run-{len(self.reports) + 1:03}"),
            policy=self.policy,
            deps=Dependencies(
                store=store or self.store,
                providers=self.providers,
                clock=self.clock,
                random=random.Random(len(self.reports)),
                telemetry=self.ear,
                sink=self.sink,
                notifier=self.notifier,
                mirror=self.mirror,
                heartbeat=self.heartbeat,
                stop=self.stop,
                on_change=on_change,
            ),
        )
        self.reports.append(report)
        self.clock.advance(then)
        return report

    def with_(self, **instead: Any) -> Store:
        """Return the store with other ports."""
        return replace(self.store, **instead)

    async def lead(self, lead_id: str) -> Lead:
        found = await self.store.leads.lead(LeadId(lead_id))
        assert found is not None
        return found

    async def state(self, lead_id: str) -> LeadState:
        return (await self.lead(lead_id)).state

    async def seed(self, workspaces: Iterable[Workspace], leads: Iterable[Lead]) -> None:
        """Enter workspaces and leads."""
        await seed(self.url, mapping=DEFAULT, workspaces=workspaces, leads=leads)

    async def fill(self, leads_by_workspace: Mapping[str, int] | Sequence[int]) -> list[Lead]:
        """Enter workspaces with so many booked leads each, whose bookings GHL has as well."""
        if not isinstance(leads_by_workspace, Mapping):
            leads_by_workspace = {f"ws-{n}": count for n, count in enumerate(leads_by_workspace)}
        leads = [booked(f"{ws}-lead-{n:03}", ws) for ws, count in leads_by_workspace.items() for n in range(count)]
        self.ghl.appointments |= {a.id: a for each in leads for a in each.appointments}
        await self.seed([a_workspace(ws) for ws in leads_by_workspace], leads)
        return leads

    async def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table, with values as the driver gives them."""
        database = Database(self.url)
        try:
            async with database.read_connection() as connection:
                names = await connection.run_sync(lambda each: inspect(each).get_table_names())
                queries: dict[str, Select[Any]] = {
                    name: select(literal_column("*")).select_from(table(name)) for name in names
                }
                return {name: sorted(map(tuple, await connection.execute(queries[name])), key=repr) for name in names}
        finally:
            await database.close()


def _rows_of(name: str) -> Select[Any]:
    return select(literal_column("*")).select_from(table(name))


class Wrapped:
    """A port of which some methods are replaced."""

    def __init__(self, port: object, **instead: Any) -> None:
        self._port = port
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        return self._instead.get(name) or getattr(self._port, name)


def tripped(report: RunReport) -> Mapping[str, str]:
    """Return the breakers that a report tells of."""
    return {str(each.key): each.state for each in report.breakers}


def booked(lead_id: str, workspace_id: str) -> Lead:
    """Return a lead in a sequence, whose rows agree on one booking."""
    appointment = an_appointment(f"appt-{lead_id}", starts_at=START + timedelta(days=3))
    return replace(a_booked_lead(appointment, lead_id=lead_id, workspace_id=workspace_id), in_sequence=True)


def unbooked(lead_id: str, workspace_id: str, **facts: Any) -> Lead:
    """Return a lead in a sequence, known by its e-mail."""
    given = {"email": f"{lead_id}@example.com", "in_sequence": True, **facts}
    return a_lead(lead_id, workspace_id=workspace_id, **given)


@asynccontextmanager
async def open_harness(url: str, *, mapping: SchemaMapping = DEFAULT) -> AsyncIterator[RunHarness]:
    """Open the store at *url* and lay the fakes beside it."""
    clock = FakeClock()
    async with open_store(url, mapping=mapping) as store:
        yield RunHarness(
            url=url,
            # The database's own clock does not jump with ours.
            store=replace(store, budgets=Allowance(), database_clock=LocalDatabaseClock(clock)),
            clock=clock,
            providers={name: FakeProvider(name, clock=clock) for name in ProviderName},
        )
