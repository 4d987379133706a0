"""A desk for each test of a run."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from reconcile.domain.bulk_listing import SweepCost
from tests.services.desk import Desk, at_desk
from tests.services.notifications import FakeChannel, an_alarm


@pytest.fixture
async def desk(migrated_url: str) -> AsyncIterator[Desk]:
    """Give a run's surroundings; the test runs once on SQLite and once on PostgreSQL."""
    async with at_desk(migrated_url) as found:
        yield found


@pytest.fixture
def listed(desk: Desk) -> Desk:
    """Give a desk at which GHL can be listed; samples are taken where they must be, and never by chance."""
    desk.policy = replace(desk.policy, list_sample_share=0)
    desk.ghl.cost = SweepCost(fixed=3, lookup=1)
    return desk


@pytest.fixture
async def channel(desk: Desk) -> FakeChannel:
    """Give a channel that knows a company in which all is well."""
    channel = FakeChannel()
    desk.notifier = an_alarm(channel)
    await desk.fill([5, 5, 5])
    await desk.run()
    assert channel.messages == []
    return channel
