"""Calendly in front of the simulator."""

from collections.abc import AsyncIterator

import pytest

from reconcile.providers.calendly.lookup import Calendly
from tests.providers.arena import Arena, arena
from tests.providers.calendly.entered import NAME, enter


@pytest.fixture
async def calendly() -> AsyncIterator[Arena]:
    """Give the adapter with a workspace that knows its user."""
    async with arena(Calendly, name=NAME, enter=enter()) as found:
        yield found
