"""A run harness for each test of a use case."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from reconcile.domain.evidence.bulk_listing import SweepCost
from tests.services.notifications import FakeChannel, an_alarm
from tests.services.run_harness import RunHarness, open_harness


@pytest.fixture
async def harness(migrated_url: str) -> AsyncIterator[RunHarness]:
    """Give a run's surroundings; the test runs once on SQLite and once on PostgreSQL."""
    async with open_harness(migrated_url) as found:
        yield found


@pytest.fixture
def listed(harness: RunHarness) -> RunHarness:
    """Give a harness at which GHL can be listed; samples are taken where they must be, and never by chance."""
    harness.policy = replace(harness.policy, list_sample_share=0)
    harness.ghl.cost = SweepCost(fixed=3, lookup=1, past_lookup=1)
    return harness


@pytest.fixture
async def channel(harness: RunHarness) -> FakeChannel:
    """Give a channel that knows a company in which all is well."""
    channel = FakeChannel()
    harness.notifier = an_alarm(channel)
    await harness.fill([5, 5, 5])
    await harness.run()
    assert channel.messages == []
    return channel
