"""The chart's tests: those that read its files always run, those that need Helm where they are asked for."""

from pathlib import Path
from typing import Any

import pytest

from tests.asked import skip_unless_asked

HERE = Path(__file__).parent
ASKED = "make chart runs it"
FIGURES: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs Helm and the checkers where nobody asked for it with `-m chart`."""
    skip_unless_asked(config, items, "chart", folder=HERE, reason=ASKED)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand on from a worker of xdist what its tests counted."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["figures"] = FIGURES


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Collect what the workers counted."""
    FIGURES.extend(getattr(node, "workeroutput", {}).get("figures", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the checkers counted where people look."""
    for figure in sorted(FIGURES):
        terminalreporter.write_line(f"chart: {figure}")


@pytest.fixture
def figures() -> list[str]:
    """Give the list whose lines close the run."""
    return FIGURES
