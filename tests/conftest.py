"""Fixtures and guards that every test shares."""

import ipaddress
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from tests import postgres, samples
from tests.reused_database import ReusedDatabase

# As many examples as `make mutants` measures with: what they notice is what `make test` notices.
settings.register_profile("default", deadline=None, max_examples=30)
settings.register_profile("ci", deadline=None, max_examples=30, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

# Whoever starts the tests in the background lets them ignore Ctrl-C, and so would every process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LEFT_OUT: pytest.StashKey[samples.LeftOut] = pytest.StashKey()
NAMED_HOST = urlsplit(os.environ.get(postgres.VARIABLE, "")).hostname


def _is_local(host: str) -> bool:
    if host in {"", "localhost", NAMED_HOST}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _keep_inside(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail the test that is about to look up or reach a host outside loopback; no except clause hides it."""
    if event == "socket.getaddrinfo":
        host = arguments[0] or ""
    elif event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if not _is_local(name):
        pytest.fail(f"a test tried to reach {name}: only loopback is allowed ({event})")


sys.addaudithook(_keep_inside)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `.ci/run` shares long suites out with."""
    samples.add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Count what is left out."""
    config.stash[LEFT_OUT] = samples.LeftOut(config)
    config.pluginmanager.register(config.stash[LEFT_OUT])


def pytest_report_header() -> str:
    """Say which PostgreSQL the tests get."""
    return _postgres_line()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it again where people look."""
    terminalreporter.write_line(_postgres_line())


def _postgres_line() -> str:
    try:
        return f"postgres: {postgres.find().description}"
    except postgres.NoPostgresError as error:
        return f"postgres: {error}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `make test` need not run each time."""
    samples.mark_whole(items)
    left_out = samples.outside_part(items, config.option.part)
    if not samples.is_part(config):
        whole = [each for each in items if each.get_closest_marker("whole")]
        config.stash[LEFT_OUT].count = len(whole)
        left_out += whole
    config.hook.pytest_deselected(items=left_out)
    items[:] = [each for each in items if each not in set(left_out)]


@pytest.fixture(scope="session")
def is_thorough(request: pytest.FixtureRequest) -> bool:
    """Tell whether everything is to be tried: `make test-faults` does, `make test` tries a sample."""
    return "faults" in request.config.option.markexpr


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """Give a server for this process (each xdist worker starts its own), started when first asked for."""
    with postgres.find().start() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """Give the URL of an empty PostgreSQL database that only this test sees."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/reconcile.db"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database; the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: postgres.Server) -> Iterator[str]:
    """Give the name of a migrated PostgreSQL database without rows, to make copies of."""
    from tests import stores  # noqa: PLC0415 - most tests need no store

    with stores.postgres_template(postgres_server) as name:
        yield name


@pytest.fixture(scope="session")
def reused_database(postgres_server: postgres.Server, postgres_template: str) -> Iterator[ReusedDatabase]:
    """Give the migrated PostgreSQL database that the tests of this process use one after the other."""
    database = ReusedDatabase(postgres_server, postgres_template)
    yield database
    database.drop()


@pytest.fixture
def migrated_postgres_url(reused_database: ReusedDatabase) -> Iterator[str]:
    """Give the URL of a migrated PostgreSQL database without rows that only this test sees."""
    yield reused_database.lend()
    reused_database.take_back()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a migrated SQLite file without rows, to make copies of."""
    from tests import stores  # noqa: PLC0415

    return stores.sqlite_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def migrated_sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Give the URL of a migrated SQLite file without rows."""
    from tests import stores  # noqa: PLC0415

    return stores.sqlite_copy(sqlite_template, tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a migrated database without rows; the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    return url
