"""Databases that accept no writes: every command that writes says where and what to do, and exits with 78."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.store.db.database import Database
from reconcile.store.leads.seed import seed
from reconcile.store.session import open_store
from tests.capabilities import bound_by_permissions
from tests.cli.command import here
from tests.postgres import in_thread
from tests.schemas.journey import execute
from tests.stores import DEFAULT, NOW, RUN, appointment, batch, booking, lead, lead_write, workspace

TEMPORARY, SETTINGS = 75, 78
COMMANDS = {
    "run": ("run",),
    "backfill": ("backfill", "plan", "--stale-booked"),
    "undo": ("undo", "--run", RUN),
    "prune": ("prune", "--older-than", "1d"),
}


async def booked_by_a_run(url: str) -> None:
    """Write one change as a run does, so that an undo has something to revert."""
    person = lead()
    await seed(url, mapping=DEFAULT, workspaces=[workspace()], leads=[person])
    async with open_store(url, mapping=DEFAULT) as store:
        await store.ledger.begin_run(RUN, started_at=NOW, trigger="manual", version="")
        await store.leads.write(batch([lead_write(person, change=booking(person, appointment()))]))


def refusals(url: str) -> dict[str, tuple[int, str]]:
    """Return exit code and stderr of each command."""
    told = {}
    for name, words in COMMANDS.items():
        done = here(*words, database_url=url)
        told[name] = done.code, done.err
    return told


def test_on_a_server_with_read_only_transactions_each_command_names_the_statement_that_ends_it(
    migrated_postgres_url: str,
) -> None:
    in_thread(booked_by_a_run(migrated_postgres_url))
    name = migrated_postgres_url.rpartition("/")[2]
    in_thread(execute(migrated_postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    sentence = (
        "reconcile: transactions are read-only (default_transaction_read_only is on for this database); "
        f"execute: ALTER DATABASE {name} SET default_transaction_read_only = off\n"
    )

    assert refusals(migrated_postgres_url) == dict.fromkeys(COMMANDS, (SETTINGS, sentence))


def test_migrate_is_refused_on_a_server_with_read_only_transactions(postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    in_thread(execute(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    done = here("migrate", database_url=postgres_url)

    assert done.code == SETTINGS
    assert f"execute: ALTER DATABASE {name} SET default_transaction_read_only = off" in done.err


def test_on_a_replica_each_command_names_it_and_is_tried_later(migrated_postgres_url: str) -> None:
    """After a failover, the same address leads to the new primary. A function stands in for the server's own."""
    in_thread(booked_by_a_run(migrated_postgres_url))
    name = migrated_postgres_url.rpartition("/")[2]
    replica = "CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'"
    settings = ("search_path = public, pg_catalog", "default_transaction_read_only = on")
    set_all = "; ".join(f"ALTER DATABASE {name} SET {each}" for each in settings)
    in_thread(execute(migrated_postgres_url, f"{replica}; {set_all}"))
    reason = "the server is a replica (pg_is_in_recovery()), which accepts no writes; name its primary in RECONCILE_"
    told = refusals(migrated_postgres_url)

    assert {name: (code, reason in err) for name, (code, err) in told.items()} == dict.fromkeys(
        COMMANDS, (TEMPORARY, True)
    )


async def test_a_server_that_stops_accepting_writes_after_the_first_is_tried_later(migrated_postgres_url: str) -> None:
    """As in a failover: the settings were right a moment ago."""
    delete = "DELETE FROM reconcile_lease"
    database = Database(migrated_postgres_url)
    try:
        async with database.write_connection() as connection:
            await connection.exec_driver_sql(delete)
        async with database.write_connection() as connection:
            await connection.exec_driver_sql("SET default_transaction_read_only = on")
        with pytest.raises(StoreUnavailable, match="25006"):
            await database.change(text(delete))
    finally:
        await database.close()


@contextmanager
def unwritable(path: Path) -> Iterator[None]:
    mode = path.stat().st_mode
    path.chmod(mode & ~0o222)
    try:
        with bound_by_permissions():
            yield
    finally:
        path.chmod(mode)


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return Path(shutil.copy(sqlite_template, folder / "company.db"))


@pytest.mark.parametrize("what", ["file", "directory"])
def test_where_an_sqlite_file_or_its_directory_is_not_writable_each_command_names_it(file: Path, what: str) -> None:
    url = f"sqlite:///{file}"
    in_thread(booked_by_a_run(url))
    place = file if what == "file" else file.parent
    with unwritable(place):
        told = refusals(url)
        found = here("doctor", database_url=url, output="json")

    reason = f"the {what} {place} of RECONCILE_DATABASE_URL is not writable for user "
    assert {name: (code, reason in err) for name, (code, err) in told.items()} == dict.fromkeys(
        COMMANDS, (SETTINGS, True)
    )
    assert [each["verdict"] for each in found.json["findings"] if reason in each["text"]] == ["fault"]


def test_migrate_is_refused_in_a_file_that_is_not_writable(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    path.touch()
    with unwritable(path):
        done = here("migrate", database_url=f"sqlite:///{path}")

    assert done.code == SETTINGS
    assert f"the file {path} of RECONCILE_DATABASE_URL is not writable" in done.err


def test_a_writable_database_that_refuses_nothing_is_not_explained(file: Path) -> None:
    with pytest.raises(SettingsError), unwritable(file):
        in_thread(_write(f"sqlite:///{file}"))
    in_thread(_write(f"sqlite:///{file}"))


async def _write(url: str) -> None:
    database = Database(url)
    try:
        async with database.write_connection() as connection:
            await connection.exec_driver_sql("DELETE FROM reconcile_lease")
    finally:
        await database.close()
