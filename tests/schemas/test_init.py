"""`reconcile init` from outside: what it prints, writes and refuses."""

import re
from pathlib import Path

import pytest

from reconcile.store.doctor.grants_script import ROLES
from reconcile.store.mapping.mapping import load_mapping
from tests.cli.command import Done, here
from tests.postgres import in_thread
from tests.schemas.conftest import CompanyDatabase
from tests.schemas.journey import execute

pytestmark = pytest.mark.integration


def init(url: str, *arguments: str, output: str = "text") -> Done:
    return here("init", *arguments, database_url=url, output=output)


def test_a_mapping_is_written_to_a_new_file_and_the_next_commands_are_printed(
    company_database: CompanyDatabase, tmp_path: Path
) -> None:
    url, path = company_database("snake"), tmp_path / "mapping.toml"
    first, second = init(url, "--write", str(path)), init(url, "--write", str(path))

    assert (first.code, load_mapping(str(path)).lead.name) == (0, "leads")
    assert f"export RECONCILE_SCHEMA_MAPPING={path}" in first.out
    assert "reconcile migrate && reconcile doctor" in first.out
    assert (second.code, "exists; give the path of a new file" in second.err) == (2, True)


def test_what_cannot_be_mapped_is_printed_with_the_way_out(company_database: CompanyDatabase) -> None:
    done = init(company_database("tenant_ids"), output="json")
    told = done.json

    assert (done.code, told["undecided"]) == (78, ["[lead.columns] id"])
    assert told["obstacles"][0].startswith("the ids of lead are unique only together with another column")


def test_the_script_of_roles_and_indexes_is_written_and_postgresql_accepts_it(
    company_database: CompanyDatabase, tmp_path: Path
) -> None:
    url, path = company_database("prisma"), tmp_path / "prepare.sql"
    done = init(url, "--write", str(tmp_path / "mapping.toml"), "--sql", str(path))
    script = path.read_text()
    for role in ROLES.values():
        script = re.sub(rf"\b{role}\b", f"{role}_{url[-12:]}", script)
    roles = ", ".join(f"{role}_{url[-12:]}" for role in ROLES.values())
    statements = [each for each in script.splitlines() if each and not each.startswith("--")]
    try:
        for each in statements:
            in_thread(execute(url, each))
    finally:
        in_thread(execute(url, f"DROP OWNED BY {roles}; DROP ROLE {roles}"))

    assert (done.code, f"wrote {path}" in done.out) == (0, True)
    assert any('"WorkspaceSettings"' in each for each in statements)
    assert any(each.startswith("CREATE INDEX CONCURRENTLY") for each in statements)
