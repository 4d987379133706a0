"""The script of roles: executed before our tables exist, it gives each command its privileges and no more."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from reconcile.domain.views.finding import FindingStatus
from reconcile.store.doctor.check import check_schema
from reconcile.store.doctor.grants_script import ROLES, grants_script
from reconcile.store.mapping.mapping import parse_mapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.postgres import in_thread
from tests.store.schemas import Customer
from tests.store.test_table_findings import TABLES, TEXT
from tests.stores import NOW

OTHER_TABLE = 'in_sequence = { sql = "EXISTS (SELECT 1 FROM enrollment e WHERE e.person_id = person.id)" }'
MAPPING = parse_mapping(TEXT.replace('in_sequence = "in_sequence"', OTHER_TABLE), name="shop.toml")
SCHEMA = f"{TABLES} CREATE TABLE enrollment (person_id integer); ALTER TABLE person ENABLE ROW LEVEL SECURITY"


@pytest.fixture
def commands(postgres_url: str) -> Iterator[dict[str, str]]:
    """Give the URL by which each command connects, after the script was executed."""
    customer, names = Customer(postgres_url, MAPPING), {}
    in_thread(customer.script(SCHEMA))
    script = in_thread(grants_script(postgres_url, MAPPING))
    for command, role in ROLES.items():
        names[command] = f"{role}_{postgres_url[-12:]}"
        script = script.replace(role, names[command])
    in_thread(customer.script(script))
    yield {command: postgres_url.replace("reconcile@", f"{name}@") for command, name in names.items()}
    for name in reversed(names.values()):
        in_thread(customer.script(f"DROP OWNED BY {name}; DROP ROLE {name}"))


async def test_each_command_works_with_its_own_role(commands: dict[str, str]) -> None:
    await migrate(commands["migrate"], mapping=MAPPING)
    found = {}
    for command in ("run", "backfill", "undo"):
        findings = await check_schema(commands[command], mapping=MAPPING, now=datetime.now(UTC))
        assert [each.text for each in findings if each.verdict is FindingStatus.FAULT] == []
        rights = [each for each in findings if each.subject == "grants"]
        found[command] = rights[0].text.partition("may execute ")[2]
    async with open_store(commands["prune"], mapping=MAPPING) as store:
        pruned = await store.ledger.prune(before=NOW, limit=1)

    assert found == {"run": "run", "backfill": "run, backfill, prune", "undo": "run, backfill, undo, prune"}
    assert set(pruned.values()) == {0}


async def test_a_grant_that_another_command_needs_is_told_with_its_statement(commands: dict[str, str]) -> None:
    await migrate(commands["migrate"], mapping=MAPPING)
    findings = await check_schema(commands["run"], mapping=MAPPING, now=datetime.now(UTC))
    role = commands["run"].partition("://")[2].partition("@")[0]
    (undo,) = [each for each in findings if "`reconcile undo`" in each.text]

    assert undo.verdict is FindingStatus.FINE
    assert undo.remedy == f"to allow it, execute: GRANT DELETE ON meeting, reconcile_appointment_state TO {role}"
