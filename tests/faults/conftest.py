"""The fault suite runs at two depths: a sample with every `make test`, all of it with `make test-faults`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import postgres
from tests.faults.company import Scene, a_scene

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, so that `-m faults` asks for it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture
async def scene(postgres_server: postgres.Server, postgres_template: str) -> AsyncIterator[Scene]:
    """Give a small company as a template, with the end that an undisturbed one comes to."""
    async with a_scene(postgres_server, postgres_template) as made:
        yield made
