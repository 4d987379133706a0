"""A desk for each test of a run."""

from collections.abc import AsyncIterator

import pytest

from tests.runner.desk import Desk, at_desk
from tests.runner.told import FakeChannel, an_alarm


@pytest.fixture
async def desk(migrated_url: str) -> AsyncIterator[Desk]:
    """Give a run's surroundings; the test runs once on SQLite and once on PostgreSQL."""
    async with at_desk(migrated_url) as found:
        yield found


@pytest.fixture
async def channel(desk: Desk) -> FakeChannel:
    """Give a channel that knows a company in which all is well."""
    channel = FakeChannel()
    desk.alarm = an_alarm(channel)
    await desk.fill([5, 5, 5])
    await desk.run()
    assert channel.messages == []
    return channel
