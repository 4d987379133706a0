"""A run over a real store with fake providers, as in ``tests/services``."""

from collections.abc import AsyncIterator

import pytest

from tests.services.desk import Desk, at_desk


@pytest.fixture
async def desk(migrated_url: str) -> AsyncIterator[Desk]:
    async with at_desk(migrated_url) as found:
        yield found
