"""A provider that answers 200 with empty lists to every question: no appointment is canceled, and the plan is held."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from reconcile import bootstrap
from reconcile.bootstrap import backfill
from reconcile.domain.backfill.plan import PlanId, PlanState, Selection
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.drill.company import enter
from reconcile.errors import RequestError
from reconcile.settings import Settings
from reconcile.simulator import Scenario, World, WorldSize
from tests.use_cases import BackfillRequest

NOTHING = (
    b'{"appointments":[],"events":[],"contacts":[],"collection":[],"pagination":{"count":0,"next_page_token":null}}'
)
SIZE = WorldSize(workspaces=3, leads_per_workspace=20, mix={Scenario.CONFIRMED: 2, Scenario.UNBOOKED: 1})

pytestmark = pytest.mark.integration


@asynccontextmanager
async def empty_provider() -> AsyncIterator[str]:
    """Serve empty lists, and nothing else."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(NOTHING)
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                lengths = [line for line in request.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(lengths[0].partition(b":")[2]) if lengths else 0)
                writer.write(head + NOTHING)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def rows(settings: Settings, world: World) -> Mapping[LeadId, Lead]:
    async with bootstrap.open_database(settings) as opened:
        return await opened.store.backfills.leads([LeadId(each.id) for each in world.leads])


async def test_a_plan_without_answers_cancels_nothing_and_is_held_with_its_reason(migrated_url: str) -> None:
    world = World.generate(seed=4, now=lambda: datetime.now(UTC), size=SIZE)
    await enter(migrated_url, world)
    async with empty_provider() as address:
        settings = Settings.from_env(
            {
                "RECONCILE_DATABASE_URL": migrated_url,
                "RECONCILE_GHL_BASE_URL": address,
                "RECONCILE_CALENDLY_BASE_URL": address,
            }
        )
        before = await rows(settings, world)
        workspaces = tuple(WorkspaceId(each) for each in world.workspaces)
        request = BackfillRequest(
            name=PlanId("empty"),
            selection=Selection(workspaces=workspaces),
            asked={},
            within=timedelta(hours=1),
            share=0.5,
        )
        plan, trouble = await backfill.plan(settings, request)
        with pytest.raises(RequestError, match="the plan empty is held: planning stopped, as a breaker opened"):
            await backfill.apply(settings, plan.id)
        after = await rows(settings, world)

    assert trouble is not None
    assert plan.state({}) is PlanState.HELD
    assert "provider:" in plan.held[0]
    assert "missing" in plan.held[0]
    assert after == before
