"""A PostgreSQL that crashes, that has no room left, and one behind PgBouncer."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import text

from reconcile.store.db.database import Database
from tests import postgres, samples
from tests.faults.company import TRY_LATER, Scene, run_here
from tests.faults.proxy import a_proxy
from tests.integration.processes import Company, until
from tests.programs import skip_unless_it_runs

pytestmark = pytest.mark.integration

_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'reconcile'"
POOLED = 2
"""Server connections that the pooler shares among all its clients: fewer than one run of ours opens."""
ROOM = "2m"


def is_here(server: postgres.Server) -> bool:
    """Tell whether the server's processes are ours to kill."""
    return postgres.VARIABLE not in os.environ and urlsplit(server.url).hostname == "127.0.0.1" and os.geteuid() == 0


async def crash(company: Company) -> None:
    """Kill a backend: the server ends all sessions, and starts again from its log."""
    pid = (await company.database.fetch(_BACKENDS))[0]["pid"]
    os.kill(pid, signal.SIGKILL)


async def reconnected(company: Company) -> None:
    """Wait until the server serves again."""

    async def serves() -> bool:
        try:
            company.database = await asyncpg.connect(company.url)
        except (asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError, ConnectionError):
            return False
        return True

    company.database.terminate()
    await until(serves)


async def test_a_server_that_crashes_and_recovers_at_a_statement_costs_no_more_than_a_run(
    scene: Scene, is_thorough: bool
) -> None:
    if not is_here(scene.server):
        pytest.skip("the server runs on another machine")
    for at in range(12, 90, 6 if is_thorough else 40):
        async with scene.company() as company, a_proxy(company.url) as proxy:
            # The tests' own server forgets, in a crash, what it has just confirmed; nobody's does who means it.
            name = company.url.rpartition("/")[2]
            await company.database.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
            proxy.cut(at, deed=lambda company=company: crash(company))  # type: ignore[misc]
            told = await run_here(company, url=proxy.url)
            await reconnected(company)
            await scene.ends_well(company)

            assert told.code in {0, TRY_LATER}, (told, at)


@contextmanager
def small_disk(server: postgres.Server) -> Iterator[Path]:
    """Mount a disk of *ROOM* where the server can write."""
    if not is_here(server):
        pytest.skip("a small disk for the server takes root, and a server on this machine that the tests have started")
    folder = Path(tempfile.mkdtemp(prefix="reconcile-disk-"))
    account = postgres.account()
    options = f"size={ROOM},uid={account['user']},gid={account['group']},mode=0700"
    try:
        skip_unless_it_runs("mount", "-t", "tmpfs", "-o", options, "none", str(folder), package="mount")
    except pytest.skip.Exception:
        folder.rmdir()
        raise
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607
        folder.rmdir()


@samples.cells(1)
@pytest.mark.parametrize("table", ["reconcile_change", "reconcile_lead_state", "reconcile_run", "appointment"])
async def test_a_full_disk_is_tried_later_and_nothing_is_lost(scene: Scene, table: str) -> None:
    with small_disk(scene.server) as folder:
        async with scene.company() as company:
            space = f"small_{table}"
            database = company.database
            await database.execute(f"CREATE TABLESPACE {space} LOCATION '{folder}'")
            await database.execute(f"ALTER TABLE {table} SET TABLESPACE {space}")
            await database.execute(f"CREATE TABLE junk (text text) TABLESPACE {space}")
            await fill(database)
            told = await run_here(company)
            await database.execute("DROP TABLE junk")
            await scene.ends_well(company)
            await database.execute(f"ALTER TABLE {table} SET TABLESPACE pg_default")
            await database.execute("CHECKPOINT")
            await database.execute(f"DROP TABLESPACE {space}")

    assert told.code == TRY_LATER


async def fill(database: asyncpg.Connection) -> None:
    """Write until there is no room for another page."""
    for size in (1000, 100, 10, 1):
        with suppress(asyncpg.DiskFullError):
            while True:
                await database.execute(
                    "INSERT INTO junk SELECT repeat(md5(n::text), 200) FROM generate_series(1, $1) n", size
                )


def pooler(url: str, port: int, folder: Path) -> "subprocess.Popen[bytes]":
    """Start PgBouncer in transaction mode before the database at *url*."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer on this machine: apt-get install pgbouncer")
    parts = urlsplit(url)
    users, settings = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{parts.username}" "{parts.password or ""}"\n')
    settings.write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n"
        f"pool_mode = transaction\ndefault_pool_size = {POOLED}\nignore_startup_parameters = search_path\n"
    )
    account = postgres.account()
    if account:
        for path in (folder, users, settings):
            shutil.chown(path, account["user"], account["group"])
    return subprocess.Popen([program, "-q", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **account)


@asynccontextmanager
async def a_pooler(url: str) -> AsyncIterator[str]:
    """Give the URL of a PgBouncer before the database at *url*."""
    port = postgres.free_port()
    with (
        tempfile.TemporaryDirectory(prefix="reconcile-pgbouncer-") as folder,
        pooler(url, port, Path(folder)) as process,
    ):
        try:

            async def listens() -> bool:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    return False
                writer.close()
                return True

            await until(listens)
            parts = urlsplit(url)
            yield parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}", query="pgbouncer=true").geturl()
        finally:
            process.kill()


async def test_concurrent_queries_work_behind_a_pooler(scene: Scene) -> None:
    """Between preparing and asking the pooler may give the server's connection to somebody else."""
    async with scene.company() as company, a_pooler(company.url) as url:
        database = Database(url)
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(database.rows(text(f"SELECT {n} AS n"))) for n in range(200)]
        finally:
            await database.close()

        assert [task.result()[0]["n"] for task in asked] == list(range(200))


async def test_a_transaction_pooler_changes_no_result(scene: Scene) -> None:
    async with scene.company(workspace_concurrency="8", lead_concurrency="4") as company:
        async with a_pooler(company.url) as url:
            runs = [await run_here(company, url=url) for _ in range(3)]
        await scene.ends_well(company)

        assert [(each.code, each.report.get("errors")) for each in runs] == [(0, 0)] * 3
        assert runs[0].report["leadsChecked"] > 0


@samples.cells(1)
async def test_a_pooler_that_disconnects_at_a_statement_costs_no_more_than_a_run(
    scene: Scene, is_thorough: bool
) -> None:
    for at in range(5, 60, 5 if is_thorough else 25):
        async with scene.company() as company, a_pooler(company.url) as url, a_proxy(url) as proxy:
            proxy.cut(at)
            told = await run_here(company, url=proxy.url)
            await scene.ends_well(company)

            assert told.code in {0, TRY_LATER}, (told, at)
