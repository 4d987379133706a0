"""The store on both databases: every suite here runs twice."""

from collections.abc import AsyncIterator

import pytest

from reconcile.ports import Store
from reconcile.store.session import open_store
from tests import stores


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    """Give a store without rows."""
    async with open_store(migrated_url, mapping=stores.DEFAULT) as opened:
        yield opened
