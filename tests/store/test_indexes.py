"""Which indexes are advised for a customer's tables, by those that are there."""

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from reconcile.store.db.database import Database
from reconcile.store.doctor.indexes import index_advice
from reconcile.store.mapping.mapping import parse_mapping

MAPPING = parse_mapping(
    """
    [workspace]
    table = "workspace"
    columns = { id = "id" }
    [lead]
    table = "lead"
    columns = { id = "id", workspace_id = "owner" }
    [appointment]
    table = "meeting"
    columns = { lead_id = "lead", appointment_id = "number", status = "state", starts_at = "begins" }
    status = { confirmed = "on", canceled = "off" }
    """,
    name="x.toml",
)
TABLES = (
    "CREATE TABLE lead (id text, owner text)",
    "CREATE TABLE meeting (lead text, number text, state text, begins text)",
)
ADVICE = {
    "owner": (
        "lead.owner has no index, so each visit of a workspace reads the whole table; "
        'execute: CREATE INDEX "reconcile_lead_owner" ON "lead" ("owner")'
    ),
    "lead": (
        "meeting.lead has no index, so finding a lead's appointments reads the whole table; "
        'execute: CREATE INDEX "reconcile_meeting_lead" ON "meeting" ("lead")'
    ),
    "number": (
        "meeting has no unique index, so two concurrent writers can insert the same appointment; "
        'execute: CREATE UNIQUE INDEX "reconcile_meeting_lead_number" ON "meeting" ("lead", "number")'
    ),
}


@pytest.mark.parametrize(
    ("index", "advised"),
    [
        (None, ("owner", "lead", "number")),
        ("INDEX i ON lead (owner, id)", ("lead", "number")),
        ("INDEX i ON lead (id, owner)", ("owner", "lead", "number")),
        ("INDEX i ON lead (owner) WHERE id <> ''", ("owner", "lead", "number")),
        ("INDEX i ON meeting (lead, number)", ("owner", "number")),
        ("INDEX i ON meeting (number, lead)", ("owner", "lead", "number")),
        ("UNIQUE INDEX i ON meeting (lead, number)", ("owner",)),
        ("UNIQUE INDEX i ON meeting (number)", ("owner", "lead")),
        ("UNIQUE INDEX i ON meeting (lead, number, state)", ("owner", "number")),
        ("UNIQUE INDEX i ON meeting (lead, number) WHERE state <> ''", ("owner", "lead", "number")),
    ],
)
async def test_an_index_is_advised_unless_another_one_serves(
    database_url: str, index: str | None, advised: Sequence[str]
) -> None:
    database = Database(database_url)
    async with database.write_connection() as connection:
        for statement in (*TABLES, *([f"CREATE {index}"] if index else ())):
            await connection.execute(text(statement))
    async with database.read_connection() as connection:
        found = await index_advice(connection, MAPPING)
    await database.close()

    expected = [ADVICE[name] for name in advised]
    assert [each.replace("INDEX CONCURRENTLY", "INDEX") for each in found] == expected
    assert all(("CONCURRENTLY" in each) is database_url.startswith("postgres") for each in found)
