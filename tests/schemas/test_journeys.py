"""Ten company schemas: what doctor calls fine, a run does, does once, and undo takes back; the rest doctor refuses."""

from collections.abc import Iterator

import pytest

from reconcile.domain.views.finding import FindingStatus
from reconcile.simulator.generation.company_sql import company_schemas
from tests import samples
from tests.postgres import in_thread
from tests.schemas.conftest import CompanyDatabase
from tests.schemas.journey import doctor, execute, journey, written_mapping

pytestmark = pytest.mark.integration

SUPPORTED = ("snake", "uuids", "prisma", "smallint", "booleans", "views", "partitions", "local_times")


@samples.cells(3)
@pytest.mark.parametrize("schema", SUPPORTED)
async def test_a_first_run_changes_what_a_second_leaves_and_undo_takes_back(
    schema: str, company_database: CompanyDatabase
) -> None:
    await check_journey(company_database(schema), schema)


@pytest.fixture
def limited_role(company_database: CompanyDatabase) -> Iterator[tuple[str, str, str]]:
    """Give the URLs of a database with row-level security for its owner and for a bound role, and that name."""
    url = company_database("policies")
    role = f"r_{url[-12:]}"
    grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    in_thread(execute(url, f"CREATE ROLE {role} LOGIN; {grant}"))
    yield url, url.replace("reconcile@", f"{role}@"), role
    in_thread(execute(url, f"DROP OWNED BY {role}; DROP ROLE {role}"))


async def test_row_level_security_is_refused_until_the_role_has_the_policy_that_doctor_names(
    limited_role: tuple[str, str, str],
) -> None:
    owner, url, role = limited_role
    (fault,) = [each for each in await doctor(url, "policies") if each.verdict is FindingStatus.FAULT]

    assert fault.text == f"row-level security of leads hides every row from the role {role} (policies: own_workspace)"
    await execute(owner, str(fault.remedy).partition("execute: ")[2])
    await check_journey(url, "policies")


async def test_ids_of_a_tenant_are_refused_with_the_column_that_is_missing(company_database: CompanyDatabase) -> None:
    findings = await doctor(company_database("tenant_ids"), "tenant_ids")
    (fault,) = [each for each in findings if each.verdict is FindingStatus.FAULT]

    assert fault.text == (
        "lead.id does not name one lead: 2 rows have the value 1, because only tenant_id, id together are unique"
    )
    assert "ADD COLUMN reconcile_id bigint GENERATED ALWAYS AS IDENTITY UNIQUE" in str(fault.remedy)


def test_each_schema_is_run_or_refused() -> None:
    assert {*SUPPORTED, "policies", "tenant_ids"} == set(company_schemas())


async def check_journey(url: str, schema: str) -> None:
    """Assert that doctor has no fault, that a run changes what a second one leaves, and that undo reverts it all."""
    seen = await journey(url, written_mapping(schema))

    assert [each.text for each in seen.findings if each.verdict is FindingStatus.FAULT] == []
    assert [report.errors for report in (seen.dry, seen.first, seen.again)] == [0, 0, 0]
    assert seen.dry.leads_checked == seen.first.leads_checked > 0
    assert seen.after_dry == seen.before
    assert seen.after_first != seen.before
    assert seen.after_again == seen.after_first
    assert (seen.left, seen.reverted > 0) == ([], True)
    assert seen.after_undo == seen.before
