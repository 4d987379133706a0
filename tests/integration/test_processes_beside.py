"""Processes beside each other and beside another writer of the same rows: newer data is never replaced."""

import asyncio
import json
import random
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from reconcile.simulator import Fault, FaultKind, WorldSize
from tests import postgres, samples
from tests.integration.processes import MIX, Company, one_company

SIZE = WorldSize(workspaces=3, leads_per_workspace=30, mix=MIX)
HELD = "ws-0001"
FACTS = (
    "status",
    "contact_id",
    "booking_id",
    "booking_provider",
    "booking_status",
    "booking_starts_at",
    "booking_ends_at",
    "booking_canceled_at",
)
"""Of a lead's row, what is ours to change."""

AUDIT = """
CREATE TABLE audit (id bigserial, who text, lead_id text, before jsonb, after jsonb);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (who, lead_id, before, after)
    VALUES (current_setting('application_name'), OLD.id, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NEW;
END $$;
CREATE TRIGGER noted AFTER UPDATE ON lead FOR EACH ROW EXECUTE FUNCTION note();
"""
WRITES = (
    "UPDATE lead SET booking_starts_at = booking_starts_at + interval '1 minute' WHERE id = $1",
    "UPDATE lead SET booking_status = 'canceled', booking_canceled_at = now() WHERE id = $1 AND booking_id IS NOT NULL",
    "UPDATE lead SET status = 'qualified' WHERE id = $1",
)
"""What a handler of the provider's webhooks writes; each of it is told otherwise by the provider later."""

pytestmark = pytest.mark.integration


@pytest.fixture
async def company(postgres_server: postgres.Server, postgres_template: str) -> AsyncIterator[Company]:
    url = postgres_server.create_database(template=postgres_template)
    async with one_company(url, size=SIZE) as company:
        yield company
    postgres_server.drop_database(url)


async def test_a_write_during_a_provider_call_is_kept(company: Company) -> None:
    company.simulator.faults.add(Fault(kind=FaultKind.HOLD, workspace=HELD, times=1))
    process = await company.start()
    await company.held()
    newer = "UPDATE lead SET booking_starts_at = '2031-01-01 09:00Z', contact_id = 'newer' WHERE workspace_id = $1"
    await company.database.execute(newer, HELD)
    company.let_go()
    ended = await process.ended()

    assert ended.code == 0
    assert ended.report["deferReasons"]["drifted"] > 0
    said = await company.database.fetch(
        "SELECT DISTINCT booking_starts_at, contact_id FROM lead WHERE workspace_id = $1", HELD
    )
    assert [tuple(row) for row in said] == [(datetime.fromisoformat("2031-01-01T09:00+00:00"), "newer")]
    question = "SELECT count(*) FROM reconcile_change c JOIN lead l ON l.id = c.lead_id WHERE l.workspace_id = $1"
    assert await company.database.fetchval(question, HELD) == 0


@samples.WHOLE
async def test_concurrent_runs_and_another_writer_change_only_rows_they_have_read(company: Company) -> None:
    """Three runs at once, each under a lease of its own; what each change replaced is what it was planned from."""
    await company.database.execute(AUDIT)
    processes = [
        await company.start("run"),
        await company.start("run", "--workspace", "ws-0000"),
        await company.start("run", "--workspace", HELD),
    ]
    writer = asyncio.create_task(write(company, random.Random(1)))
    ends = await asyncio.gather(*(each.ended() for each in processes))
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)

    assert [(each.code, each.report["stopped"]) for each in ends] == [(0, None)] * 3
    changes = await ledger(company)
    assert changes == await audited(company)
    assert len(changes) > 10
    assert await company.held_leases() == []
    await company.settle()
    assert len({each.key for each in company.receiver.deliveries}) == len((await company.facts())["effects"])


async def write(company: Company, chance: random.Random) -> None:
    """Write as a webhook handler does, one row after the other, until told to stop."""
    connection = await asyncpg.connect(company.url, server_settings={"application_name": "webhook"})
    try:
        while True:
            await connection.execute(chance.choice(WRITES), chance.choice(company.world.leads).id)
    finally:
        await connection.close()


async def ledger(company: Company) -> dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Return what our ledger says of each lead's own row: what a change found, and what it left."""
    found = defaultdict(list)
    for lead_id, _, before, after in await company.changes():
        was, became = (without_appointments(json.loads(each)) for each in (before, after))
        if was or became:
            found[lead_id].append((was, became))
    return dict(found)


async def audited(company: Company) -> dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Return the same as the database itself saw it: all that our updates made different, told or not."""
    seen = defaultdict(list)
    rows = await company.database.fetch("SELECT * FROM audit WHERE who = 'reconcile' ORDER BY id")
    for row in rows:
        was, became = json.loads(row["before"]), json.loads(row["after"])
        different = [name for name in FACTS if was[name] != became[name]]
        if different:
            seen[row["lead_id"]].append(tuple({n: plain(n, each[n]) for n in different} for each in (was, became)))
    return dict(seen)


def without_appointments(document: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(name, value) for name, value in document.items() if name != "appointments"}


def plain(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name.endswith("_at") and value else value


@samples.WHOLE
async def test_a_process_stopped_inside_a_transaction_delays_others_only_briefly(company: Company) -> None:
    """Its session's locks keep its lease; the database ends a session that does not go on, and then it is overtaken."""
    async with company.locked("SELECT id FROM lead WHERE workspace_id = $1 FOR UPDATE", HELD):
        zombie = await company.start()
        await company.waiting()
        zombie.send(signal.SIGSTOP)
    await company.expire_leases()
    successor = await company.run()
    before = await company.facts(), await company.changes()
    zombie.send(signal.SIGCONT)
    ended = await zombie.ended()

    assert (successor.code, successor.report["stopped"]) == (0, None)
    assert ended.code == 75
    assert "Traceback" not in ended.err
    assert (await company.facts(), await company.changes()) == before
    await company.settle()
