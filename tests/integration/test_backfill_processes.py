"""A backfill by four processes that are killed again and again, beside the schedule: complete, nothing twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from reconcile.simulator import Fault, FaultKind, Scenario, WorldSize
from tests import postgres, samples
from tests.integration.processes import Company, Ended, one_company

SHARDS = 4
LEADS = WorldSize(
    workspaces=8, leads_per_workspace=20, mix={Scenario.CONFIRMED: 70, Scenario.RESCHEDULED: 25, Scenario.CANCELED: 5}
)
KILLED_AT = (15, 40, 65)
"""How many leads are planned, or applied, when a process that works on them is killed."""
HOT = "ws-0000"
"""The only workspace of which the schedule has something to do."""

_COLD = "UPDATE lead SET in_sequence = workspace_id = $1, booking_starts_at = booking_starts_at + interval '9 days'"
_FREE_OF_KILLED = """
    UPDATE reconcile_lease SET expires_at = now() - interval '1 second' WHERE holder IN
    (SELECT holder FROM reconcile_lease WHERE name LIKE 'backfill:%:run:' || $1 AND expires_at > now())
"""
_AT_WORK = "SELECT 1 FROM reconcile_lease WHERE name LIKE 'backfill:%:run:' || $1 AND expires_at > now()"
_MOVED = "SELECT count(*) FROM reconcile_backfill_lead WHERE state = $1"
_TWICE = "SELECT lead_id FROM reconcile_change WHERE lead_id NOT LIKE $1 GROUP BY lead_id HAVING count(*) > 1"
_ASKED_FOR = """
    SELECT effect ->> 'key' AS key FROM reconcile_backfill_lead, json_array_elements(change -> 'effects') AS effect
    WHERE state = 'applied' AND lead_id NOT LIKE $1
"""
_EFFECTS = "SELECT key FROM reconcile_outbox WHERE lead_id NOT LIKE $1"
_STATES = "SELECT state, count(*) FROM reconcile_backfill_lead WHERE plan_id = $1 GROUP BY state"

pytestmark = pytest.mark.integration


@pytest.fixture
async def company(postgres_server: postgres.Server, postgres_template: str) -> AsyncIterator[Company]:
    url = postgres_server.create_database(template=postgres_template)
    async with one_company(url, size=LEADS, lead_concurrency="1", workspace_concurrency="1") as company:
        company.simulator.faults.add(Fault(kind=FaultKind.LATENCY, value=20.0))
        await company.database.execute(_COLD, HOT)
        yield company
    postgres_server.drop_database(url)


async def worked_off(company: Company, *arguments: str, state: str) -> list[Ended]:
    """Let four processes share the work; the first to see so many leads in *state* is killed, and started again."""
    kills = [*KILLED_AT]

    async def is_chosen(index: int, database: asyncpg.Connection) -> bool:
        is_at_work = await database.fetchval(_AT_WORK, f"{index}/{SHARDS}") is not None
        moved = await database.fetchval(_MOVED, state)
        if not (is_at_work and kills and moved >= kills[0]):
            return False
        kills.pop(0)
        return True

    async def shard(index: int, database: asyncpg.Connection) -> Ended:
        while True:
            process = await company.start("backfill", *arguments, shard=f"{index}/{SHARDS}")
            ended = asyncio.ensure_future(process.process.wait())
            while not ended.done() and not await is_chosen(index, database):
                await asyncio.wait([ended], timeout=0.02)
            if ended.done():
                return await process.ended()
            await process.killed()
            await database.execute(_FREE_OF_KILLED, f"{index}/{SHARDS}")

    async def connected(index: int) -> Ended:
        database = await asyncpg.connect(company.url)
        try:
            return await shard(index, database)
        finally:
            await database.close()

    ends = await asyncio.gather(*(connected(index) for index in range(SHARDS)))
    assert kills == []
    return ends


@samples.WHOLE
async def test_four_shards_that_are_killed_complete_it_and_the_schedule_is_not_disturbed(company: Company) -> None:
    live, is_over = list[Ended](), asyncio.Event()

    async def schedule() -> None:
        while not is_over.is_set():
            live.append(await company.run())

    beside = asyncio.create_task(schedule())
    planned = await worked_off(company, "plan", "--stale-booked", "--name", "one", state="planned")
    by_last = await (await company.start("backfill", "status", "one")).ended()
    plan_hash = by_last.report["hash"]
    applied = await worked_off(company, "apply", "one", "--approve", plan_hash, state="applied")
    is_over.set()
    await beside
    states = Counter({row["state"]: row["count"] for row in await company.database.fetch(_STATES, "one")})
    asked_for = {row["key"] for row in await company.database.fetch(_ASKED_FOR, f"{HOT}-%")}
    delivered = {row["key"] for row in await company.database.fetch(_EFFECTS, f"{HOT}-%")}
    again = await (await company.start("backfill", "plan", "--provider", "ghl", "--name", "two")).ended()
    rest = [row["lead_id"] for row in await company.database.fetch(_TWICE, f"{HOT}-%")]

    assert [each.code for each in (*planned, *applied)] == [0] * 2 * SHARDS, [*planned, *applied]
    assert set(states) <= {"applied", "drifted"}
    assert states.total() == by_last.report["selected"] > KILLED_AT[-1]
    assert states["drifted"] <= LEADS.leads_per_workspace
    assert set(again.report["summary"]["outcomes"]) == {"unchanged"}
    assert rest == []
    assert delivered == asked_for
    assert len(delivered) > 0
    assert {(each.code, each.report["stopped"], each.report["errors"]) for each in live} == {(0, None, 0)}
    assert min(each.report["leadsChecked"] for each in live) >= LEADS.leads_per_workspace
