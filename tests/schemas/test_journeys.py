"""Ten company schemas: what doctor calls fine, a run does, does once, and undo takes back."""

import pytest

from reconcile.domain.views.finding import FindingStatus
from tests.schemas.conftest import CompanyDatabase
from tests.schemas.journey import journey, written_mapping

pytestmark = pytest.mark.integration

SUPPORTED = ("snake", "uuids", "prisma", "smallint", "booleans", "views", "partitions", "local_times")


@pytest.mark.parametrize("schema", SUPPORTED)
async def test_a_first_run_changes_what_a_second_leaves_and_undo_takes_back(
    schema: str, company_database: CompanyDatabase
) -> None:
    seen = await journey(company_database(schema), written_mapping(schema))

    assert [each.text for each in seen.findings if each.verdict is FindingStatus.FAULT] == []
    assert [report.errors for report in (seen.dry, seen.first, seen.again)] == [0, 0, 0]
    assert seen.dry.leads_checked == seen.first.leads_checked > 0
    assert seen.after_dry == seen.before
    assert seen.after_first != seen.before
    assert seen.after_again == seen.after_first
    assert (seen.left, seen.reverted > 0) == ([], True)
    assert seen.after_undo == seen.before
