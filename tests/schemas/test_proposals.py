"""What `reconcile init` proposes for ten schemas: a mapping that works, or one that is refused until decided."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconcile.domain.setup.mapping_text import mapping_text
from reconcile.domain.setup.proposal import propose_mapping
from reconcile.domain.views.finding import FindingStatus
from reconcile.errors import SettingsError
from reconcile.simulator.generation.company_sql import company_schemas
from reconcile.store.doctor.check import check_schema
from reconcile.store.doctor.survey import survey
from reconcile.store.mapping.mapping import parse_mapping
from tests.schemas.conftest import CompanyDatabase
from tests.schemas.journey import written_mapping

pytestmark = pytest.mark.integration

UNDECIDED = ("local_times", "tenant_ids")


@pytest.mark.parametrize("schema", company_schemas())
async def test_a_proposed_mapping_is_that_of_a_person_or_refused_until_decided(
    schema: str, company_database: CompanyDatabase
) -> None:
    url = company_database(schema)
    proposal = propose_mapping(await survey(url))
    text = mapping_text(proposal)

    if schema in UNDECIDED:
        with pytest.raises(SettingsError) as caught:
            parse_mapping(text, name="proposed.toml")
        assert [fault for fault in caught.value.faults if "is undecided" not in fault] == []
        return
    proposed, written = parse_mapping(text, name=f"{schema}.toml"), written_mapping(schema)
    findings = await check_schema(url, mapping=proposed, now=datetime.now(UTC))
    assert proposal.undecided == ()
    assert [each.text for each in findings if each.verdict is FindingStatus.FAULT] == []
    for table in ("workspace", "lead", "appointment"):
        ours, theirs = getattr(proposed, table), getattr(written, table)
        assert (ours is None) == (theirs is None)
        if ours is None:
            continue
        assert (ours.name, ours.columns, sorted(ours.sources)) == (theirs.name, theirs.columns, sorted(theirs.sources))
    assert replace(proposed.lead_words, keep=()) == replace(written.lead_words, keep=())
    assert {each.lower() for each in proposed.lead_words.keep} <= {each.lower() for each in written.lead_words.keep}
    assert proposed.booking_words == written.booking_words
    assert (proposed.appointment_words, proposed.provider_words) == (written.appointment_words, written.provider_words)


async def test_no_value_of_a_person_leaves_the_database(company_database: CompanyDatabase) -> None:
    url = company_database("prisma")
    found = repr(await survey(url))

    assert "example.com" not in found
    assert "pit-" not in found


async def test_the_survey_is_for_postgresql(sqlite_url: str) -> None:
    with pytest.raises(SettingsError, match="reads PostgreSQL only"):
        await survey(sqlite_url)
