"""Databases of companies, copied from one template for each schema."""

from collections.abc import Callable, Iterator

import pytest

from tests import postgres
from tests.schemas.journey import template

CompanyDatabase = Callable[[str], str]


@pytest.fixture(scope="session")
def schema_templates(postgres_server: postgres.Server) -> Iterator[Callable[[str], str]]:
    """Give what returns the name of a schema's template, made when it is first asked for."""
    made: dict[str, str] = {}

    def find(schema: str) -> str:
        if schema not in made:
            made[schema] = template(postgres_server, schema)
        return made[schema]

    yield find
    for name in made.values():
        postgres_server.drop_database(f"{postgres_server.url.rpartition('/')[0]}/{name}")


@pytest.fixture
def company_database(
    postgres_server: postgres.Server, schema_templates: Callable[[str], str]
) -> Iterator[CompanyDatabase]:
    """Give what returns the URL of a database with a company's schema and rows."""
    made: list[str] = []

    def create(schema: str) -> str:
        made.append(postgres_server.create_database(template=schema_templates(schema)))
        return made[-1]

    yield create
    for url in made:
        postgres_server.drop_database(url)
