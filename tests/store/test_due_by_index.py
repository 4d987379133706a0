"""Each reason to be due is found by its index, ours or the one that the doctor advises, whatever the columns' types."""

from datetime import timedelta
from typing import Any

from sqlalchemy import event, text

from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import WorkspaceId
from reconcile.store.db.database import Database
from reconcile.store.doctor.check import check_schema
from reconcile.store.leads.leads import SqlLeads
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_domain
from tests.domain.factories import NOW
from tests.store import schemas
from tests.stores import DEFAULT

MEMORYS = {"reconcile_lead_state_verified_at", "reconcile_lead_state_absent_since"}
LEADS = {"ix_lead_booking_starts_at", "ix_lead_last_inbound_at", "ix_lead_in_sequence", "ix_lead_untold"}
ADVISED = {
    f"reconcile_Lead_{column}" for column in ("bookingStartTime", "lastInboundAt", "in Sequence", "bookingStatus")
}
BESIDE = {"reconcile_lead_state_booking_starts_at", "reconcile_lead_state_booking_id"}


async def plans(url: str, mapping: SchemaMapping) -> list[str]:
    """Return how the database chooses workspaces and leads, where it reads no whole table if it can help it."""
    async with open_domain(url, mapping) as (database, domain):
        asked = await _selection_statements(database, domain)
        async with database.read_connection() as connection:
            if database.is_postgresql:
                await connection.execute(text("SET enable_seqscan = off"))
            explain = "EXPLAIN" if database.is_postgresql else "EXPLAIN QUERY PLAN"
            found = [(await connection.exec_driver_sql(f"{explain} {words}", given)).all() for words, given in asked]
    return ["\n".join(str(row[-1]) for row in rows) for rows in found]


async def _selection_statements(database: Database, domain: DomainTables) -> list[tuple[str, Any]]:
    """Return the statements that choose, with their parameters."""
    sent: list[tuple[str, Any]] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *given: sent.append((given[2], given[3])))
    leads, since = SqlLeads(database, domain, None), NOW - timedelta(days=1)
    await leads.due_workspaces(now=NOW, policy=DuePolicy(), limit=9, wrote_since=since)
    await leads.due_leads(WorkspaceId("1"), now=NOW, policy=DuePolicy(), limit=9, wrote_since=since)
    chosen = [each for each in sent if "verified_at" in each[0]]
    return [chosen[0], chosen[-1]]


FILL = """
INSERT INTO workspace (id) SELECT i::text FROM generate_series(1, 50) AS i;
INSERT INTO lead (id, workspace_id, booking_id, booking_status, booking_starts_at, in_sequence, last_inbound_at)
SELECT 'l' || i, (1 + i % 50)::text, 'b', 'confirmed',
       timestamptz '2020-01-01' + i * interval '1 minute', false,
       timestamptz '2020-01-01' + i * interval '1 minute'
FROM generate_series(1, 5000) AS i;
"""
FILL_CAMEL = """
INSERT INTO app."Workspace" (id) SELECT i FROM generate_series(1, 50) AS i;
INSERT INTO app."Lead" ("leadId", "workspaceId", "bookingId", "bookingStatus", "bookingStartTime", "in Sequence",
                        "lastInboundAt")
SELECT gen_random_uuid(), 1 + i % 50, 'b', 'CONFIRMED',
       timestamptz '2020-01-01' + i * interval '1 minute', false,
       timestamptz '2020-01-01' + i * interval '1 minute'
FROM generate_series(1, 5000) AS i;
"""
FILL_BARE = """
INSERT INTO account SELECT i FROM generate_series(1, 50) AS i;
INSERT INTO person SELECT i, 1 + i % 50, timestamptz '2020-01-01' + i * interval '1 minute'
FROM generate_series(1, 5000) AS i;
"""
REMEMBER = """
INSERT INTO reconcile_lead_state (lead_id, workspace_id, verified_at, booking_id, booking_status, booking_starts_at)
SELECT {id}::text, {owner}::text, timestamptz '{now}', 'b', 'confirmed', '2020-01-01' FROM {table};
ANALYZE;
"""


async def test_due_queries_use_indexes_of_our_own_tables(postgres_url: str) -> None:
    await migrate(postgres_url, mapping=DEFAULT)
    remember = REMEMBER.format(now=NOW.isoformat(), id="id", owner="workspace_id", table="lead")
    await schemas.Customer(postgres_url, DEFAULT).script(FILL + remember)

    for plan in await plans(postgres_url, DEFAULT):
        assert {each for each in LEADS | MEMORYS if each not in plan} == set()


async def test_due_queries_use_the_indexes_that_doctor_advises(postgres_url: str) -> None:
    customer = await schemas.camel(postgres_url)
    await migrate(postgres_url, mapping=customer.mapping)
    for each in await check_schema(postgres_url, mapping=customer.mapping, now=NOW):
        if each.subject == "indexes":
            await customer.script((each.remedy or "").removeprefix("execute: "))
    remember = REMEMBER.format(now=NOW.isoformat(), id='"leadId"', owner='"workspaceId"', table='app."Lead"')
    await customer.script(FILL_CAMEL + remember)

    for plan in await plans(postgres_url, customer.mapping):
        assert {each for each in ADVISED | MEMORYS if each not in plan} == set()


async def test_due_queries_use_indexes_of_the_side_table(postgres_url: str) -> None:
    customer = await schemas.bare(postgres_url)
    await migrate(postgres_url, mapping=customer.mapping)
    await customer.script(FILL_BARE + REMEMBER.format(now=NOW.isoformat(), id="no", owner="account_no", table="person"))

    for plan in await plans(postgres_url, customer.mapping):
        assert {each for each in BESIDE | MEMORYS if each not in plan} == set()


async def test_on_sqlite_no_due_reason_is_queried_for_each_workspace(sqlite_url: str) -> None:
    """It has no other way to ask what names the workspace, and with 200 of them took 1.7 s instead of 0.1."""
    await migrate(sqlite_url, mapping=DEFAULT)
    workspaces, _leads = await plans(sqlite_url, DEFAULT)

    assert workspaces.count("LIST SUBQUERY") >= len(LEADS)
