"""A company at work: a generated world behind the simulator, its database, and ticks on a clock that jumps."""

import random
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from reconcile import bootstrap
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.report import RunReport
from reconcile.drill.clock import DrillClock
from reconcile.drill.company import lead_of, workspace_of
from reconcile.ports import Store
from reconcile.runner.context import Parts, RunPolicy
from reconcile.runner.dry import LocalBudgets
from reconcile.runner.request import RunRequest
from reconcile.runner.run import run
from reconcile.simulator import GeneratedLead, Scenario, Simulator, World, WorldSize, simulate

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICK = timedelta(minutes=1)


class Silence:
    """A tick's report says everything."""

    def event(self, name: str, **facts: object) -> None:
        """Say nothing."""


@dataclass
class Office:
    """What a test looks at and turns; each tick is a process of its own: only the database outlives it."""

    world: World
    simulator: Simulator
    store: Store
    clock: DrillClock
    attempt_timeout: timedelta = timedelta(seconds=10)
    policy: RunPolicy = field(default_factory=RunPolicy)
    reports: list[RunReport] = field(default_factory=list)

    async def tick(self, *, then: timedelta = TICK, **asked: object) -> RunReport:
        """Make one run over everything that is due, and let a minute pass; the request log begins anew with it."""
        self.simulator.requests.reset()
        wanted = {"workspace_limit": 1000, "leads_per_workspace": 50, **asked}
        chance = random.Random(len(self.reports))
        async with bootstrap.providers_at(
            ghl_url=self.simulator.ghl_url,
            calendly_url=self.simulator.calendly_url,
            clock=self.clock,
            random=chance,
            attempt_timeout=self.attempt_timeout,
        ) as providers:
            report = await run(
                RunRequest(**wanted),  # type: ignore[arg-type]
                run_id=RunId(f"tick-{len(self.reports) + 1:03}"),
                policy=self.policy,
                parts=Parts(
                    store=self.store, providers=providers, clock=self.clock, random=chance, telemetry=Silence()
                ),
            )
        self.reports.append(report)
        self.clock.advance(then)
        return report

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

    def workspaces(self) -> list[WorkspaceId]:
        """Return the ids of all workspaces."""
        return [WorkspaceId(each) for each in self.world.workspaces]


@asynccontextmanager
async def an_office(
    url: str,
    *,
    seed: int = 1,
    size: WorldSize | None = None,
    mix: Mapping[Scenario, float] | None = None,
    latency: timedelta = timedelta(0),
) -> AsyncIterator[Office]:
    """Give a company whose database is at *url*; every lead is in a sequence, and so due each minute."""
    clock = DrillClock(START)
    wanted = size or WorldSize()
    world = World.generate(seed=seed, now=clock.now, size=replace(wanted, mix=mix) if mix else wanted)
    async with simulate(world, latency=latency) as simulator, bootstrap.opened_url(url) as store:
        await bootstrap.seed_url(
            url,
            workspaces=[workspace_of(each) for each in world.workspaces.values()],
            leads=[lead_of(each) for each in world.leads],
        )
        # The database's own clock does not jump with ours.
        jumping = replace(store, budgets=LocalBudgets(clock))
        yield Office(world=world, simulator=simulator, store=jumping, clock=clock)


def of_workspace(leads: Iterable[GeneratedLead], workspace_id: str) -> list[GeneratedLead]:
    """Return the leads of one workspace."""
    return [each for each in leads if each.workspace_id == workspace_id]
