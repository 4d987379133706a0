"""A customer's database, and our store over it."""

from collections.abc import AsyncIterator

import pytest

from reconcile.ports import Store
from reconcile.store.leads.seed import seed
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.store import schemas
from tests.store.schemas import ONE, TWO
from tests.stores import lead, workspace


@pytest.fixture
async def customer(database_url: str) -> schemas.Customer:
    """Give a camelCase schema, which has a column for our last look, with a workspace 7 and the leads ONE and TWO."""
    made = await schemas.camel(database_url)
    await migrate(database_url, mapping=made.mapping)
    leads = [lead(each, workspace_id="7") for each in (ONE, TWO)]
    await seed(database_url, mapping=made.mapping, workspaces=[workspace("7")], leads=leads, other_status="NEW")
    return made


@pytest.fixture
async def store(customer: schemas.Customer) -> AsyncIterator[Store]:
    """Give our store over it."""
    async with open_store(customer.url, mapping=customer.mapping) as opened:
        yield opened
