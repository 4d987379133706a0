"""Tests that share a database one after the other see none of each other's rows, settings or sessions."""

from collections.abc import Iterator

import asyncpg
import pytest

from tests import postgres
from tests.postgres import in_thread
from tests.reused_database import LARGEST_BYTES, ReusedDatabase


@pytest.fixture
def database(postgres_server: postgres.Server, postgres_template: str) -> Iterator[ReusedDatabase]:
    database = ReusedDatabase(postgres_server, postgres_template)
    yield database
    database.drop()


def execute(url: str, *statements: str) -> object:
    """Execute *statements* and return the first value of the last one."""

    async def connect_and_execute() -> object:
        connection = await asyncpg.connect(url)
        try:
            for each in statements[:-1]:
                await connection.execute(each)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return in_thread(connect_and_execute())


def test_rows_are_deleted_and_the_database_is_kept(database: ReusedDatabase) -> None:
    url = database.lend()
    execute(url, "INSERT INTO workspace (id) VALUES ('w1')", "INSERT INTO lead (id, workspace_id) VALUES ('l1', 'w1')")

    database.take_back()

    assert database.lend() == url
    assert execute(url, "SELECT (SELECT count(*) FROM workspace) + (SELECT count(*) FROM lead)") == 0
    assert execute(url, "SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_user_tables") == 0


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE lead ADD COLUMN more text",
        "ALTER TABLE lead DROP COLUMN email",
        "ALTER TABLE lead ALTER COLUMN email SET DEFAULT ''",
        "ALTER TABLE lead ENABLE ROW LEVEL SECURITY",
        "CREATE INDEX another ON lead (email)",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE SCHEMA another",
        "CREATE TYPE word AS ENUM ('a')",
        "CREATE VIEW emails AS SELECT id FROM lead",
        "DROP TABLE reconcile_outbox",
        "GRANT SELECT ON lead TO PUBLIC",
        "TRUNCATE lead CASCADE",
        "UPDATE reconcile_version SET version_num = version_num || 'x'",
        "DELETE FROM reconcile_version",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 64', current_database()); END $$",
        f"INSERT INTO workspace (id) SELECT md5(n::text) FROM generate_series(1, {LARGEST_BYTES // 100}) AS n",  # noqa: S608
    ],
)
def test_a_changed_database_is_not_used_again(database: ReusedDatabase, change: str) -> None:
    url = database.lend()
    execute(url, change, "SELECT 1")

    database.take_back()

    assert database.lend() != url


def test_a_dropped_database_is_replaced(database: ReusedDatabase, postgres_server: postgres.Server) -> None:
    url = database.lend()
    postgres_server.drop_database(url)

    database.take_back()

    assert execute(database.lend(), "SELECT count(*) FROM lead") == 0


def test_what_a_test_left_open_is_ended(database: ReusedDatabase) -> None:
    """An open transaction holds locks on which the next test would wait."""

    async def leave_a_transaction_open() -> None:
        connection = await asyncpg.connect(database.lend())
        await connection.execute("BEGIN; INSERT INTO workspace (id) VALUES ('w1')")
        database.take_back()
        with pytest.raises(asyncpg.PostgresError):
            await connection.fetchval("SELECT 1")
        connection.terminate()

    url = database.lend()
    in_thread(leave_a_transaction_open())

    assert database.lend() == url
    assert execute(url, "SELECT count(*) FROM workspace") == 0
