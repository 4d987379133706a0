"""A small company before which things happen, and what must be true of it afterwards."""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from reconcile import bootstrap
from reconcile.drill.company import lead_of, workspace_of
from reconcile.errors import StoreUnavailable
from reconcile.settings import Settings
from reconcile.simulator import Simulator, World, WorldSize
from tests import postgres
from tests.integration.processes import MIX, Company, a_company, a_simulator
from tests.integration.receiver import a_receiver
from tests.use_cases import RunRequest, document

SMALL = WorldSize(workspaces=2, leads_per_workspace=5, mix=MIX)
TRY_LATER = 75

_SEEN = """
SELECT l.workspace_id, count(*) AS seen FROM lead l JOIN reconcile_lead_state s ON s.lead_id = l.id
WHERE s.attempted_at IS NOT NULL GROUP BY l.workspace_id
"""
_BATCHES = "SELECT workspace_id, counts FROM reconcile_batch"
_UNEXPLAINED = """
SELECT o.key FROM reconcile_outbox o WHERE NOT EXISTS (SELECT 1 FROM reconcile_change c WHERE c.lead_id = o.lead_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a run ended: its exit code, and the report if there was one."""

    code: int
    report: dict[str, Any]


async def run_here(company: Company, *, url: str | None = None, **settings: str) -> Told:
    """Make one run as the command does, in this process, through *url* if it is given."""
    given = {f"RECONCILE_{name.upper()}": value for name, value in settings.items()}
    env = {**company.settings, **({"RECONCILE_DATABASE_URL": url} if url else {}), **given}
    wanted = Settings.from_env(env)
    request = RunRequest(workspace_limit=wanted.workspace_limit, leads_per_workspace=wanted.leads_per_workspace)
    try:
        report = await bootstrap.run(wanted, request)
    except StoreUnavailable:
        return Told(code=TRY_LATER, report={})
    return Told(code=0 if report.success else 1, report=dict(document(report)))


async def settle_here(company: Company, *, most: int = 8) -> int:
    """Make undisturbed runs until one finds everything as it should be and delivered; return how many it took.

    A machine under load may keep a run waiting for the database, which then tries later.
    """
    for number in range(1, most + 1):
        await company.rest()
        told = await run_here(company)
        if told.code == TRY_LATER:
            continue
        assert (told.code, told.report["stopped"]) == (0, None), told
        report = told.report
        if report["leadsChecked"] == report["noChange"] and not report["effectsPending"]:
            return number
    raise AssertionError(f"still not settled: {told.report}")


@dataclass
class Scene:
    """A seeded company as a template, and the end that an undisturbed one comes to."""

    server: postgres.Server
    simulator: Simulator
    template: str
    facts: dict[str, list[tuple[Any, ...]]]
    changes: Counter[tuple[Any, ...]]

    @asynccontextmanager
    async def company(self, **settings: str) -> AsyncIterator[Company]:
        """Give a company at its beginning."""
        url = self.server.create_database(template=self.template)
        async with (
            a_receiver() as receiver,
            a_company(url, simulator=self.simulator, receiver=receiver, is_seeded=True, **settings) as company,
        ):
            yield company
        self.server.drop_database(url)

    async def ends_well(self, company: Company) -> None:
        """Assert that nothing is half done, and that undisturbed runs come to the end of an undisturbed company."""
        assert await partial(company) == []
        await company.expire_leases()
        await settle_here(company)

        assert await company.facts() == self.facts
        assert Counter(await company.changes()) == self.changes
        assert {each.key for each in company.receiver.deliveries} == {row[0] for row in self.facts["effects"]}
        bodies = {(each.key, each.body) for each in company.receiver.deliveries}
        assert len(bodies) == len(self.facts["effects"]), "a repeated delivery says the same as the first"
        assert await company.held_leases() == []


async def partial(company: Company) -> Sequence[str]:
    """Return what was written in part: workspaces, and follow-ups without a change.

    A batch is in the ledger with all leads that it has written. A lead that the run leaves for later keeps its place.
    """
    seen = {row["workspace_id"]: row["seen"] for row in await company.database.fetch(_SEEN)}
    batches: dict[str, list[Counter[str]]] = defaultdict(list)
    for row in await company.database.fetch(_BATCHES):
        counts = json.loads(row["counts"]) if isinstance(row["counts"], str) else row["counts"]
        batches[row["workspace_id"]].append(Counter(counts))
    halves = []
    for workspace in sorted({*seen, *batches}):
        written = batches[workspace]
        most = sum(each.total() for each in written)
        least = max((each.total() - each["deferred"] for each in written), default=0)
        if not least <= seen.get(workspace, 0) <= most:
            halves.append(workspace)
    return [*halves, *(row["key"] for row in await company.database.fetch(_UNEXPLAINED))]


@asynccontextmanager
async def a_scene(server: postgres.Server, migrated: str, *, size: WorldSize = SMALL) -> AsyncIterator[Scene]:
    """Make a company as a template, and let a copy of it come to its end undisturbed."""
    url = server.create_database(template=migrated)
    async with a_simulator(seed=1, size=size) as simulator:
        await seed_world(url, simulator.world)
        template = url.rpartition("/")[2]
        scene = Scene(server=server, simulator=simulator, template=template, facts={}, changes=Counter())
        async with scene.company() as peaceful:
            await settle_here(peaceful)
            scene.facts, scene.changes = await peaceful.facts(), Counter(await peaceful.changes())
        yield scene
    server.drop_database(url)


async def seed_world(url: str, world: World) -> None:
    """Enter the world's workspaces and leads into the database at *url*."""
    await bootstrap.seed_url(
        url,
        workspaces=[workspace_of(each) for each in world.workspaces.values()],
        leads=[lead_of(each) for each in world.leads],
    )
