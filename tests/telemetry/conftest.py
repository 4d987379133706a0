"""A collector for each test, and a last line that says what it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
