"""A desk for each test of a run."""

from collections.abc import AsyncIterator

import pytest

from tests.runner.desk import Desk, at_desk


@pytest.fixture
async def desk(migrated_url: str) -> AsyncIterator[Desk]:
    """Give a run's surroundings; the test runs once on SQLite and once on PostgreSQL."""
    async with at_desk(migrated_url) as found:
        yield found
