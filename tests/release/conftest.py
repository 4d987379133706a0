"""The release that ``make release`` has built: what needs it runs where it is asked for."""

from pathlib import Path

import pytest

from tests.asked import skip_unless_asked

HERE = Path(__file__).parent
ASKED = "make test-release runs it"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a release where nobody asked for it with `-m release`."""
    skip_unless_asked(config, items, "release", folder=HERE, reason=ASKED)
