"""Opening a database: what is loaded, and what is said when it cannot be opened."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.store.db.address import Address
from reconcile.store.db.database import Database
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests import postgres
from tests.stores import DEFAULT
from tests.use_cases import LEASE_MARGIN

IDLE_RUN = """
import asyncio, sys
from datetime import UTC, datetime
from reconcile.domain.due import DuePolicy
from reconcile.store.mapping.mapping import load_mapping
from reconcile.store.session import open_store

async def main():
    async with open_store(sys.argv[1], mapping=load_mapping()) as store:
        await store.leads.due_workspaces(now=datetime.now(UTC), policy=DuePolicy(), limit=10)

asyncio.run(main())
print(*sorted(name for name in sys.modules if "." not in name or name.startswith("sqlalchemy.dialects.")))
"""


async def test_unused_modules_are_not_imported(database_url: str) -> None:
    await migrate(database_url, mapping=DEFAULT)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", IDLE_RUN, database_url), stdout=asyncio.subprocess.PIPE
    )
    loaded = set((await process.communicate())[0].decode().split())

    other = "asyncpg" if database_url.startswith("sqlite") else "aiosqlite"
    assert process.returncode == 0
    assert not loaded & {"alembic", "mako", other, "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.oracle"}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "must begin with"),
        ("mysql://u:hunter2@h/d", "must begin with"),
        ("sqlite://", "must begin with"),
        ("sqlite:///", "names no file"),
        ("postgresql://u:hunter2@[::1/d", "is not a URL"),
        ("postgresql://u:hunter2@h", "names no database"),
        ("postgresql://u:hunter2@h:99999/d", "is not a URL"),
        ("postgresql://u:hunter2@h:x/d", "is not a URL"),
        ("postgresql://u:hunter2@127.0.0.1:1/d?sslmode=bogus", "does not accept"),
        ("sqlite:////nowhere/at/all.db", "there is no file"),
    ],
)
async def test_the_fault_of_an_invalid_url_omits_the_password(url: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as caught:
        async with open_store(url, mapping=DEFAULT):
            pass
    assert "hunter2" not in str(caught.value)


async def test_a_database_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="does not respond") as caught:
        async with open_store("postgresql://u:hunter2@127.0.0.1:1/d", mapping=DEFAULT):
            pass
    assert "hunter2" not in str(caught.value)


async def test_a_missing_database_is_a_fault_of_the_settings(postgres_server: postgres.Server) -> None:
    url = postgres_server.url.rpartition("/")[0] + "/nowhere"

    with pytest.raises(SettingsError, match="3D000"):
        async with open_store(url, mapping=DEFAULT):
            pass


async def test_a_file_that_is_no_database_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear customer, " * 999)

    with pytest.raises(SettingsError, match="file is not a database"):
        async with open_store(f"sqlite:///{tmp_path}/letter.txt", mapping=DEFAULT):
            pass


async def test_a_url_in_prismas_form_is_accepted(postgres_url: str) -> None:
    url = f"{postgres_url}?schema=public&connection_limit=5&pgbouncer=true"
    await migrate(url, mapping=DEFAULT)

    async with open_store(url, mapping=DEFAULT) as store:
        assert await store.leads.mismatch_counts() == {}


async def test_a_session_idle_in_a_transaction_ends_before_its_lease(postgres_url: str) -> None:
    """A process that was stopped there keeps its locks no longer, and no run waits long for those of somebody else."""
    asked = "SELECT name, setting FROM pg_settings WHERE name LIKE 'idle_in_transaction%' OR name = 'lock_timeout'"
    database = Database(postgres_url)
    found = {row["name"]: int(row["setting"]) / 1000 for row in await database.rows(text(asked))}
    await database.close()

    assert 0 < found["idle_in_transaction_session_timeout"] <= LEASE_MARGIN.total_seconds()
    assert 0 < found["lock_timeout"] <= LEASE_MARGIN.total_seconds()


def test_an_address_does_not_show_its_password() -> None:
    assert "hunter2" not in repr(Address.parse("postgresql://u:hunter2@h/d"))


def test_a_path_may_be_relative_or_absolute_and_hold_any_character() -> None:
    paths = [Address.parse(url).dsn for url in ("sqlite:///a.db", "sqlite:////b/c%20d%3F.db", "sqlite:///e%25.db")]

    assert paths == ["a.db", "/b/c d?.db", "e%.db"]


async def test_a_file_locked_by_another_process_can_be_opened(tmp_path: Path) -> None:
    """Two that open a new file at once: only one can make it write ahead, and the other needs not."""
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        database = Database(f"sqlite:///{path}")
        rows = await database.rows(text("SELECT count(*) AS n FROM t"))
        await database.close()

    assert [row["n"] for row in rows] == [0]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://,/db",
        "postgresql://h1,/db",
        "postgresql://u:p@a..b/db",
        f"postgresql://{'x' * 300}/db",
        "postgresql:///db?host=a,",
        "postgresql://h/db?port=abc",
        "postgresql://h1:1,h2:x/db",
    ],
)
def test_hosts_and_ports_that_the_driver_does_not_accept_are_refused(url: str) -> None:
    """Fuzzing found them: each ended in a traceback out of the driver or the resolver."""
    with pytest.raises(SettingsError, match="RECONCILE_DATABASE_URL is not a URL; check the hosts, the brackets"):
        Address.parse(url)


def test_the_fault_of_an_at_sign_in_a_password_says_how_to_escape_it() -> None:
    """The driver takes what follows the first one for the host, which nobody finds."""
    with pytest.raises(SettingsError, match=r"more than one @; write %40") as refused:
        Address.parse("postgresql://u:hunter2@secret@h/db")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["postgresql:///db", "postgresql://h1:1,[::1]:2,h3/db", "postgresql:///db?host=/run/pg,h2&port=1,2"]
)
def test_several_hosts_are_passed_to_the_driver(url: str) -> None:
    assert Address.parse(url).dialect == "postgresql"
