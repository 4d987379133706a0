"""PostgreSQL refuses: each kind of refusal, in each table of ours and of the customer's, for a while or at once."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from reconcile.store.db import engines
from tests import samples
from tests.faults.company import TRY_LATER, Scene, run_here
from tests.faults.proxy import Listens, a_proxy
from tests.integration.processes import Company
from tests.timeouts import HUNG

MOST_WAITS = 12
"""Messages that a silent database leaves unanswered: what was begun side by side, then what gives that up."""

pytestmark = pytest.mark.integration

REFUSALS = {
    "deadlock_detected": "40P01",
    "serialization_failure": "40001",
    "read_only_sql_transaction": "25006",
    "disk_full": "53100",
    "out_of_memory": "53200",
    "too_many_connections": "53300",
    "query_canceled": "57014",
    "admin_shutdown": "57P01",
    "io_error": "58030",
    "data_corrupted": "XX001",
}
TABLES = (
    "lead",
    "appointment",
    "reconcile_lead_state",
    "reconcile_change",
    "reconcile_batch",
    "reconcile_workspace_state",
    "reconcile_outbox",
    "reconcile_run",
    "reconcile_budget",
    "reconcile_lease",
)
_REFUSE = """
CREATE SEQUENCE hits;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('hits') <= {times} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuses BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse();
"""
_ACCEPT = "DROP TRIGGER refuses ON {table}; DROP FUNCTION refuse; DROP SEQUENCE hits"
ALWAYS = 1_000_000


@asynccontextmanager
async def refusing(company: Company, table: str, *, state: str, times: int) -> AsyncIterator[None]:
    """Let the first writes of rows to *table* fail as the server itself lets them fail."""
    await company.database.execute(_REFUSE.format(table=table, state=state, times=times))
    yield
    await company.database.execute(_ACCEPT.format(table=table))


@samples.cells(1)
@pytest.mark.parametrize("times", [1, ALWAYS], ids=["once", "always"])
async def test_no_refused_write_in_any_table_loses_data(scene: Scene, times: int, is_thorough: bool) -> None:
    every = list(itertools.product(TABLES, REFUSALS.values()))
    for table, state in every if is_thorough else every[:: len(REFUSALS) + 1]:
        async with scene.company() as company:
            async with refusing(company, table, state=state, times=times):
                told = await run_here(company)
            # A write that only this lead's rows refuse counts as its failure: its pause ends now.
            await company.database.execute("UPDATE reconcile_lead_state SET next_attempt_at = NULL")
            await scene.ends_well(company)

            assert told.code in {0, TRY_LATER}, (told, table, state)


async def test_an_unreachable_database_is_tried_later(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene.company() as company:
        async with a_proxy(company.url) as proxy:
            for listens in (Listens.RESETS, Listens.IS_SILENT):
                proxy.listens = listens
                with monkeypatch.context() as patch:
                    patch.setattr(engines, "CONNECT_TIMEOUT", 0.3)
                    async with asyncio.timeout(HUNG):
                        assert (await run_here(company, url=proxy.url)).code == TRY_LATER
        assert (await run_here(company, url=proxy.url)).code == TRY_LATER, "the port is closed now"
        await scene.ends_well(company)


@samples.WHOLE
async def test_a_silent_database_delays_a_run_only_within_bounds(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, is_thorough: bool
) -> None:
    """No answer comes, no connection ends: a firewall has forgotten it, or the other machine has lost its power."""
    limit = 0.2
    for at in range(1, 90, 4 if is_thorough else 30):
        async with scene.company() as company, a_proxy(company.url) as proxy:

            async def silent(proxy=proxy) -> None:
                proxy.listens = Listens.IS_SILENT

            proxy.cut(at, deed=silent)
            with monkeypatch.context() as patch:
                patch.setattr(engines, "CONNECT_TIMEOUT", limit)
                patch.setattr(engines, "STATEMENT_TIMEOUT", limit)
                told = await run_here(company, url=proxy.url)
            proxy.reset_all()
            await scene.ends_well(company)

            assert told.code in {0, TRY_LATER}, told
            # What was begun side by side, then what is given up: never one limit for each lead or workspace.
            assert proxy.unanswered <= MOST_WAITS, at


async def test_a_server_that_has_become_a_replica_is_tried_later(scene: Scene) -> None:
    async with scene.company() as company:
        name = company.url.rpartition("/")[2]
        await company.database.execute(
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = on;'
            f'ALTER DATABASE "{name}" SET search_path = public, pg_catalog;'
            "CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'"
        )
        told = await run_here(company)
        await company.database.execute(
            f'ALTER DATABASE "{name}" RESET default_transaction_read_only;'
            f'ALTER DATABASE "{name}" RESET search_path; DROP FUNCTION public.pg_is_in_recovery'
        )
        await scene.ends_well(company)

        assert told.code == TRY_LATER


@samples.cells(1)
@pytest.mark.parametrize("most", [0, 1, 2, 3])
async def test_too_many_connections_are_tried_later(scene: Scene, most: int) -> None:
    """Also where fewer connections are left than the pool may open."""
    async with scene.company() as company:
        role = f"app_{most}_{id(company)}"
        await company.database.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT {most};"
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
        )
        told = await run_here(company, url=company.url.replace("reconcile@", f"{role}:x@"))
        await scene.ends_well(company)
        await company.database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")

        assert told.code in {0, TRY_LATER}
        assert told.code == TRY_LATER or most > 0


async def test_a_deadlock_with_another_writer_loses_no_data(scene: Scene) -> None:
    """The other one holds the last lead's row, and comes for the first one's when we hold it and wait for the last."""
    async with scene.company() as company:
        ids = [row["id"] for row in await company.database.fetch("SELECT id FROM lead ORDER BY id")]
        other = await asyncpg.connect(company.url)
        await other.execute("SET deadlock_timeout = '1min'; BEGIN")  # it is ours that the server lets give way
        for lead_id in (each for each in ids if each.endswith("4")):
            await other.execute("SELECT 1 FROM lead WHERE id = $1 FOR UPDATE", lead_id)
        run = asyncio.create_task(run_here(company))
        await company.waiting()
        others = asyncio.create_task(other.execute("SELECT 1 FROM lead WHERE id = $1 FOR UPDATE", ids[0]))
        await asyncio.wait([run, others], return_when=asyncio.FIRST_COMPLETED)
        await others
        await other.execute("ROLLBACK")
        await other.close()
        told = await run
        deadlocks = await company.database.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        await scene.ends_well(company)

        assert told.code in {0, TRY_LATER}
        assert deadlocks >= 1
