"""A collector for each test, and a last line that says what it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.telemetry import collector as collecting
from tests.telemetry.collector import Collector


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where telemetry went."""
    terminalreporter.write_line(f"collector: {collecting.kind()}")


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """Give a collector that is listening."""
    with collecting.listening(tmp_path) as found:
        yield found


@pytest.fixture
def postgres_url_migrated(postgres_server: postgres.Server, postgres_template: str) -> Iterator[str]:
    """Give the URL of a migrated PostgreSQL database without rows."""
    url = postgres_server.create_database(template=postgres_template)
    yield url
    postgres_server.drop_database(url)
