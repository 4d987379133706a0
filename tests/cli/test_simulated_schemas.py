"""``reconcile simulate --fill postgresql://…``: a company in a schema of its own, in an empty database."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from reconcile.simulator import World, serve
from reconcile.simulator.generation.company_sql import company_schemas
from tests import samples
from tests.cli.command import Done, here
from tests.postgres import in_thread
from tests.schemas.journey import execute, rows
from tests.substitution import substitute_in_test


@dataclass
class _Served:
    ghl_url: str = "http://127.0.0.1:1"
    calendly_url: str = "http://127.0.0.1:2"


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Give what runs the command, whose server ends as soon as it is ready."""

    async def ended(_world: World, *, on_ready: Callable[[Any], None], **_: object) -> None:
        on_ready(_Served())

    substitute_in_test(monkeypatch, serve, ended)
    return lambda *arguments: here("simulate", "--port", "0", "--leads", "3", *arguments)


@samples.cells(3)
@pytest.mark.parametrize("schema", company_schemas())
def test_an_empty_database_gets_the_tables_and_rows_of_a_schema(
    schema: str, postgres_url: str, simulated: Callable[..., Done]
) -> None:
    done = simulated("--fill", postgres_url, "--schema", schema)
    filled = in_thread(rows(postgres_url))

    assert done.code == 0, done.err
    assert json.loads(done.out)["RECONCILE_DATABASE_URL"] == postgres_url
    assert max(len(each) for each in filled.values()) >= 6


def test_without_a_schema_it_gets_our_own_tables(postgres_url: str, simulated: Callable[..., Done]) -> None:
    done = simulated("--fill", postgres_url)
    filled = in_thread(rows(postgres_url))

    assert done.code == 0, done.err
    assert len(filled["public.lead"]) == 6


@pytest.mark.parametrize("schema", [(), ("--schema", "snake")], ids=["ours", "snake"])
def test_a_database_that_is_not_empty_is_refused_and_stays_as_it_is(
    postgres_url: str, simulated: Callable[..., Done], schema: tuple[str, ...]
) -> None:
    in_thread(execute(postgres_url, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)"))
    done = simulated("--fill", postgres_url, *schema)

    assert done.code == 2
    assert "the database is not empty: it has public.kept; name an empty one" in done.err
    assert in_thread(rows(postgres_url)) == {"public.kept": ['{"id": 1}']}


def test_a_schema_needs_postgresql(simulated: Callable[..., Done], tmp_path: Any) -> None:
    done = simulated("--fill", str(tmp_path / "company.db"), "--schema", "snake")

    assert done.code == 2
    assert "--schema needs --fill postgresql://" in done.err
    assert list(tmp_path.iterdir()) == []
