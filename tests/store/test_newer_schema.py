"""An older program on a newer schema, as after a rollback: it works on as long as nothing was taken away."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from reconcile.domain.views.finding import FindingStatus
from reconcile.errors import SettingsError
from reconcile.store.db.database import Database
from reconcile.store.doctor.check import check_schema
from reconcile.store.schema.migrate import SCRIPTS, migrate
from reconcile.store.schema.version import DOMAIN_HEAD, LEDGER_HEAD, VERSION_TABLE
from reconcile.store.session import open_store
from tests.domain.factories import NOW
from tests.services.run_harness import open_harness
from tests.stores import DEFAULT

NEWER = (
    "ALTER TABLE reconcile_run ADD COLUMN a_later_fact TEXT",
    "ALTER TABLE reconcile_lead_state ADD COLUMN a_later_count INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE reconcile_later (id TEXT PRIMARY KEY)",
)
MAY = {"create_table", "create_index", "add_column"}


async def advance(url: str, *, to: str, statements: tuple[str, ...] = NEWER) -> None:
    """Do what the migration of a later version does."""
    database = Database(url)
    async with database.write_connection() as connection:
        for statement in statements:
            await connection.execute(text(statement))
        change = f"UPDATE {VERSION_TABLE} SET version_num = :to WHERE version_num = :head"  # noqa: S608 - a constant
        await connection.execute(text(change), {"to": to, "head": LEDGER_HEAD})
    await database.close()


async def test_a_run_works_with_a_later_schema_of_the_same_branch(migrated_url: str) -> None:
    await advance(migrated_url, to="ledger_9999")
    async with open_harness(migrated_url) as harness:
        await harness.fill([1])
        report = await harness.run()
        kept = await harness.store.ledger.runs()

    assert (report.leads_checked, report.errors) == (1, 0)
    assert [row.run_id for row in kept] == [report.run_id]


async def test_the_doctor_says_that_the_schema_is_of_a_later_version(migrated_url: str) -> None:
    await advance(migrated_url, to="ledger_9999")
    found = await check_schema(migrated_url, mapping=DEFAULT, now=NOW)
    (schema,) = [each for each in found if each.subject == "schema"]

    assert schema.verdict is FindingStatus.FINE
    assert "ledger_9999" in schema.text


async def test_an_older_program_does_not_migrate_a_later_schema(migrated_url: str) -> None:
    await advance(migrated_url, to="ledger_9999")

    assert await migrate(migrated_url, mapping=DEFAULT) == (DOMAIN_HEAD, "ledger_9999")


@pytest.mark.parametrize("version", ["ledger2_0001", "ledger_00010", "ledger_later", "a-fork's"])
async def test_a_schema_of_another_branch_is_refused_and_unchanged(migrated_url: str, version: str) -> None:
    await advance(migrated_url, to=version, statements=())
    sentence = f"the schema is at .*{version}.*, which this version does not know; use the version that created it"
    with pytest.raises(SettingsError, match=sentence):
        async with open_store(migrated_url, mapping=DEFAULT):
            pass
    with pytest.raises(SettingsError, match=sentence):
        await migrate(migrated_url, mapping=DEFAULT)


def test_migrations_of_one_branch_only_add() -> None:
    """Whoever has to take something away begins another branch: ledger2_0001."""
    for path in sorted((SCRIPTS / "versions").glob("*_[0-9]*.py")):
        calls = list(_calls(path))
        made = {_text(call.args[0]) for call in calls if call.func.attr == "create_table"}  # type: ignore[attr-defined]
        for call in calls:
            name = call.func.attr  # type: ignore[attr-defined]
            where = f"{path.name}:{call.lineno}"

            assert name in MAY, f"{where} does {name}, by which an older program may be stopped"
            if name == "add_column":
                assert _fills_itself(call.args[1]), f"{where} adds a column that an older program does not fill"
            if name == "create_index" and any(word.arg == "unique" for word in call.keywords):
                assert _text(call.args[1]) in made, f"{where} forbids what an older program may write"


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            value = node.func.value
            if isinstance(value, ast.Name) and value.id == "op":
                yield node


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _fills_itself(column: ast.expr) -> bool:
    words = {word.arg: word.value for word in column.keywords} if isinstance(column, ast.Call) else {}
    nullable = words.get("nullable")
    return "server_default" in words or not (isinstance(nullable, ast.Constant) and nullable.value is False)
