"""The PostgreSQL fixtures keep their promises."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests import postgres


@pytest.mark.parametrize("visit", [1, 2])
async def test_each_test_sees_an_empty_database(postgres_url: str, visit: int) -> None:
    connection = await asyncpg.connect(postgres_url)
    found = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.execute(f"CREATE TABLE visit_{visit} (id int)")
    await connection.close()

    assert found == 0


def test_a_suite_can_run_on_both_databases(database_url: str, request: pytest.FixtureRequest) -> None:
    scheme = {"sqlite": "sqlite", "postgres": "postgresql"}[request.node.callspec.params["database_url"]]

    assert urlsplit(database_url).scheme == scheme


async def test_a_database_can_be_copied_from_a_template(postgres_server: postgres.Server) -> None:
    template = postgres_server.create_database()
    connection = await asyncpg.connect(template)
    await connection.execute("CREATE TABLE kept (id int)")
    await connection.close()
    copy = postgres_server.create_database(template=urlsplit(template).path[1:])
    connection = await asyncpg.connect(copy)
    table = await connection.fetchval("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    postgres_server.drop_database(copy)
    postgres_server.drop_database(template)

    assert table == "kept"


HOW_TO_GET_IT = {
    "machine": "apt-get install postgresql",
    "package": "make install",
    "container": "install Docker, and start it",
}


@pytest.mark.parametrize("look", [postgres.machine, postgres.package, postgres.container])
def test_each_source_at_hand_gives_a_server_that_stops(look: Callable[[], postgres.Source | None]) -> None:
    source = look()
    if source is None:
        pytest.skip(f"no PostgreSQL from the {look.__name__}: {HOW_TO_GET_IT[look.__name__]}")
    with source.start() as server:
        url = server.create_database()

        assert urlsplit(url).hostname in {"127.0.0.1", "localhost"}
    with pytest.raises(ConnectionError):
        asyncio.run(asyncpg.connect(url))


def test_the_environment_comes_first() -> None:
    source = postgres.environment({postgres.VARIABLE: "postgresql://somewhere/postgres"})

    assert source is not None
    with source.start() as server:
        assert server.url == "postgresql://somewhere/postgres"


def test_a_machine_without_postgres_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for look in ("environment", "machine", "package", "container"):
        monkeypatch.setattr(postgres, look, lambda: None)

    with pytest.raises(postgres.NoPostgresError, match="install PostgreSQL, or set the variable"):
        postgres.find()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    binaries = tmp_path / postgres.PACKAGE / "pginstall" / "bin"
    binaries.mkdir(parents=True)
    for name in ("initdb", "pg_ctl", "postgres"):
        binaries.joinpath(name).write_text("#!/bin/sh\necho the disk is full; exit 1\n")
        binaries.joinpath(name).chmod(0o755)

    with (
        pytest.raises(postgres.NoPostgresError, match="did not start: the disk is full"),
        postgres._private_server(binaries),
    ):
        pass
