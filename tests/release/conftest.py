"""The release that ``make release`` has built: what needs it runs where it is asked for."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
ASKED = "make test-release runs it"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a release where nobody asked for it with `-m release`."""
    if "release" in config.option.markexpr:
        return
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("release"):
            item.add_marker(pytest.mark.skip(reason=ASKED))
