"""A customer's database, and our store over it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from reconcile.ports import Store
from reconcile.store.leads.seed import seed
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests import postgres
from tests.postgres import in_thread
from tests.store import schemas
from tests.store.schemas import ONE, TWO
from tests.stores import lead, sqlite_copy, workspace


async def _made(url: str) -> None:
    made = await schemas.camel(url)
    await migrate(url, mapping=made.mapping)
    leads = [lead(each, workspace_id="7") for each in (ONE, TWO)]
    await seed(url, mapping=made.mapping, workspaces=[workspace("7")], leads=leads, other_status="NEW")


@pytest.fixture(scope="session")
def camel_in_postgres(postgres_server: postgres.Server) -> str:
    """Give the name of a PostgreSQL database to make copies of."""
    url = postgres_server.create_database()
    in_thread(_made(url))
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def camel_in_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an SQLite file to make copies of."""
    path = tmp_path_factory.mktemp("camel") / "template.db"
    in_thread(_made(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def customer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[schemas.Customer]:
    """Give a camelCase schema, which has a column for our last look, with a workspace 7 and the leads ONE and TWO."""
    template = request.getfixturevalue(f"camel_in_{request.param}")
    if request.param == "sqlite":
        yield schemas.camel_customer(sqlite_copy(template, tmp_path))
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    url = server.create_database(template=template)
    yield schemas.camel_customer(url)
    server.drop_database(url)


@pytest.fixture
async def store(customer: schemas.Customer) -> AsyncIterator[Store]:
    """Give our store over it."""
    async with open_store(customer.url, mapping=customer.mapping) as opened:
        yield opened
