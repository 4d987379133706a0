"""A run over a real store with fake providers, as in ``tests/services``."""

from collections.abc import AsyncIterator

import pytest

from tests.services.run_harness import RunHarness, open_harness


@pytest.fixture
async def harness(migrated_url: str) -> AsyncIterator[RunHarness]:
    async with open_harness(migrated_url) as found:
        yield found
