"""GHL in front of the simulator."""

from collections.abc import AsyncIterator

import pytest

from reconcile.providers.ghl.lookup import Ghl
from tests.providers.arena import Arena, arena
from tests.providers.ghl.entered import NAME, enter


@pytest.fixture
async def ghl() -> AsyncIterator[Arena]:
    """Give the adapter with a workspace that knows its zone."""
    async with arena(Ghl, name=NAME, enter=enter, timezone="America/New_York") as found:
        yield found
