"""Migrated databases of both kinds for whole runs, made as copies of one template."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres, stores


@pytest.fixture(scope="session")
def postgres_template(postgres_server: postgres.Server) -> Iterator[str]:
    with stores.postgres_template(postgres_server) as name:
        yield name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stores.sqlite_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a migrated database without rows; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield stores.sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path)
        return
    template = request.getfixturevalue("postgres_template")
    server: postgres.Server = request.getfixturevalue("postgres_server")
    url = server.create_database(template=template)
    yield url
    server.drop_database(url)
