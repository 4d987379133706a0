"""A simulated company: a generated world behind the simulator, its database, and runs on a virtual clock."""

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from reconcile import bootstrap
from reconcile.domain.evidence.bulk_listing import SweepCost, SweepPlan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.run.report import RunReport
from reconcile.domain.workspace import Workspace
from reconcile.drill.clock import DrillClock
from reconcile.drill.company import lead_of, workspace_of
from reconcile.ports import NoopTelemetry, Provider, Store, Sweep, Usage
from reconcile.simulator import GeneratedLead, Scenario, Simulator, World, WorldSize, simulate
from tests.timeouts import HUNG
from tests.use_cases import Dependencies, RunPolicy, RunRequest, on_clock, run

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICK = timedelta(minutes=1)
MOMENT = timedelta(milliseconds=50)


class VirtualClock(DrillClock):
    """A drill's clock on which real time does not pass at all: no deadline is missed because a machine is slow."""

    def monotonic(self) -> float:
        """Return the seconds that were slept."""
        return self._skipped


class ImpatientProvider:
    """A provider with a short time limit for some workspaces, so that a test of time-outs is fast."""

    def __init__(self, default: Provider, impatient: Provider, workspace_ids: frozenset[str], sweeps: bool) -> None:
        self.name = default.name
        self.default = default
        self.impatient = impatient
        self.workspace_ids = workspace_ids
        self.sweeps = sweeps

    def lookup(self, lead: Lead, workspace: Workspace) -> Lookup | SkipReason:
        return self._for(workspace).lookup(lead, workspace)

    async def answer(self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        return await self._for(workspace).answer(lead, lookup, workspace, deadline=deadline)

    async def check_lists(self, lead: Lead, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        return await self._for(workspace).check_lists(lead, workspace, deadline=deadline)

    def sweep_cost(self, workspace: Workspace) -> SweepCost | None:
        return self._for(workspace).sweep_cost(workspace) if self.sweeps else None

    async def sweep(self, leads: Sequence[Lead], workspace: Workspace, *, plan: SweepPlan, deadline: float) -> Sweep:
        return await self._for(workspace).sweep(leads, workspace, plan=plan, deadline=deadline)

    def usage(self, workspace: Workspace) -> Usage:
        return self._for(workspace).usage(workspace)

    def _for(self, workspace: Workspace) -> Provider:
        return self.impatient if workspace.id in self.workspace_ids else self.default


@dataclass
class SimulatedCompany:
    """The parts of the company that a test reads and changes. Only the database is kept from one tick to the next."""

    world: World
    simulator: Simulator
    store: Store
    clock: DrillClock
    impatient_with: frozenset[str] = frozenset()
    sweeps: bool = True
    """Whether its providers can be listed."""
    policy: RunPolicy = field(default_factory=RunPolicy)
    reports: list[RunReport] = field(default_factory=list)

    async def tick(self, *, then: timedelta = TICK, **options: object) -> RunReport:
        """Make one run over everything that is due, and advance the clock; the request log is reset before."""
        self.simulator.requests.reset()
        wanted = {"workspace_limit": 1000, "leads_per_workspace": 50, **options}
        chance = random.Random(len(self.reports))
        async with self._providers(chance) as providers:
            report = await run(
                RunRequest(**wanted),  # type: ignore[arg-type]
                run_id=RunId(f"tick-{len(self.reports) + 1:03}"),
                policy=self.policy,
                deps=Dependencies(
                    store=self.store, providers=providers, clock=self.clock, random=chance, telemetry=NoopTelemetry()
                ),
            )
        self.reports.append(report)
        self.clock.advance(then)
        return report

    @asynccontextmanager
    async def _providers(self, chance: random.Random) -> AsyncIterator[Mapping[ProviderName, Provider]]:
        async with AsyncExitStack() as stack:
            default, impatient = [
                await stack.enter_async_context(
                    bootstrap.providers_at(
                        ghl_url=self.simulator.ghl_url,
                        calendly_url=self.simulator.calendly_url,
                        clock=self.clock,
                        random=chance,
                        attempt_timeout=attempt_timeout,
                    )
                )
                for attempt_timeout in (timedelta(seconds=HUNG), MOMENT)
            ]
            yield {
                name: ImpatientProvider(default[name], impatient[name], self.impatient_with, self.sweeps)
                for name in ProviderName
            }

    async def lead(self, lead_id: str) -> Lead:
        """Return a lead as the database holds it."""
        found = await self.store.leads.lead(LeadId(lead_id))
        assert found is not None
        return found

    async def leads(self) -> Mapping[LeadId, Lead]:
        """Return all leads as the database holds them."""
        return {LeadId(each.id): await self.lead(each.id) for each in self.world.leads}

    def calls(self, workspace_id: str) -> int:
        """Return how many calls the last tick made for a workspace."""
        return self.simulator.requests.count(workspace=workspace_id)


@asynccontextmanager
async def start_company(
    url: str,
    *,
    seed: int = 1,
    size: WorldSize | None = None,
    mix: Mapping[Scenario, float] | None = None,
    is_in_sequence: Callable[[GeneratedLead], bool] = lambda _: True,
) -> AsyncIterator[SimulatedCompany]:
    """Provide a company whose database is at *url*; a lead that is in a sequence is due each minute."""
    clock = VirtualClock(START)
    wanted = size or WorldSize()
    world = World.generate(seed=seed, now=clock.now, size=replace(wanted, mix=mix) if mix else wanted)
    async with simulate(world) as simulator, bootstrap.open_database_url(url) as store:
        await bootstrap.seed_url(
            url,
            workspaces=[workspace_of(each) for each in world.workspaces.values()],
            leads=[lead_of(each, in_sequence=is_in_sequence(each)) for each in world.leads],
        )
        yield SimulatedCompany(world=world, simulator=simulator, store=on_clock(store, clock), clock=clock)


def of_workspace(leads: Iterable[GeneratedLead], workspace_id: str) -> list[GeneratedLead]:
    """Return the leads of one workspace."""
    return [each for each in leads if each.workspace_id == workspace_id]
