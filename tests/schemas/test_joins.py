"""What `reconcile init` proposes for fields that another table holds, and where only a view helps."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.setup.draft import Certainty, MappingProposal
from reconcile.domain.setup.mapping_text import mapping_text
from reconcile.domain.setup.proposal import propose_mapping
from reconcile.domain.views.finding import FindingStatus
from reconcile.store.doctor.check import check_schema
from reconcile.store.doctor.survey import survey
from reconcile.store.mapping.mapping import SchemaMapping, parse_mapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.cli.command import here
from tests.postgres import in_thread
from tests.schemas.conftest import CompanyDatabase
from tests.schemas.journey import execute, journey

pytestmark = pytest.mark.integration

BY_LOCATION = """
CREATE TABLE locations (id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts, city text);
INSERT INTO locations SELECT id + 100, id FROM accounts;
ALTER TABLE leads ADD COLUMN location_id bigint REFERENCES locations;
UPDATE leads SET location_id = account_id + 100;
ALTER TABLE leads DROP COLUMN account_id, ADD COLUMN merged_into bigint REFERENCES leads;
"""
TOKENS_APART = """
CREATE TABLE integrations (id bigint PRIMARY KEY, account_id bigint NOT NULL UNIQUE REFERENCES accounts,
    ghl_location_id text, ghl_access_token text, calendly_user_uri text, calendly_access_token text);
INSERT INTO integrations SELECT id + 100, id, ghl_location_id, ghl_access_token, calendly_user_uri,
    calendly_access_token FROM accounts;
ALTER TABLE accounts DROP ghl_location_id, DROP ghl_access_token, DROP calendly_user_uri, DROP calendly_access_token;
"""
BOOKINGS_APART = """
ALTER TABLE appointments RENAME TO {name};
ALTER TABLE leads DROP booking_id, DROP booking_provider, DROP booking_status, DROP booking_start_time,
    DROP booking_end_time, DROP booking_canceled_at;
"""
E_MAIL_OF_LEAD = """
CREATE TABLE e_mail (id bigint PRIMARY KEY, lead_id bigint NOT NULL REFERENCES leads {unique}, address text NOT NULL);
INSERT INTO e_mail SELECT id, id, email FROM leads WHERE email IS NOT NULL;
ALTER TABLE leads DROP COLUMN email;
"""
LEAD_NAMES_E_MAIL = """
CREATE TABLE e_mail (id bigint PRIMARY KEY, address text NOT NULL);
INSERT INTO e_mail SELECT id, email FROM leads WHERE email IS NOT NULL;
ALTER TABLE leads ADD COLUMN email_id bigint REFERENCES e_mail;
UPDATE leads SET email_id = id WHERE email IS NOT NULL;
ALTER TABLE leads DROP COLUMN email;
"""
TEXT = "ALTER TABLE accounts ADD preferred_provider text; UPDATE accounts SET preferred_provider = 'calendly'"
OTHER_WORDS = "ALTER TABLE accounts ADD primary_calendar text; UPDATE accounts SET primary_calendar = 'Calendly'"
ENUM = """
CREATE TYPE calendar AS ENUM ('GOHIGHLEVEL', 'CALENDLY', 'NONE');
ALTER TABLE accounts ADD preferred_calendar calendar;
UPDATE accounts SET preferred_calendar = 'CALENDLY';
"""
SETTINGS = """
CREATE TABLE settings (account_id bigint PRIMARY KEY REFERENCES accounts, default_provider text);
INSERT INTO settings SELECT id, 'calendly' FROM accounts;
"""
ITS_NAME_DOES_NOT_SAY = "ALTER TABLE accounts ADD calendar_provider text; UPDATE accounts SET calendar_provider = 'ghl'"
A_WORD_OF_NO_PROVIDER = """
ALTER TABLE accounts ADD main_calendar text;
UPDATE accounts SET main_calendar = (ARRAY['ghl', 'zoom'])[id];
"""
TWO_COLUMNS = """
ALTER TABLE accounts ADD main_provider text, ADD preferred_calendar text;
UPDATE accounts SET main_provider = 'ghl', preferred_calendar = 'calendly';
"""


async def propose(url: str) -> tuple[MappingProposal, SchemaMapping | None]:
    """Return the proposal, and its mapping if it has one; doctor has nothing against it."""
    proposal = propose_mapping(await survey(url))
    if not proposal.choices:
        return proposal, None
    mapping = parse_mapping(mapping_text(proposal), name="proposed.toml")
    findings = await check_schema(url, mapping=mapping, now=datetime.now(UTC))
    assert [each.text for each in findings if each.verdict is FindingStatus.FAULT] == []
    return proposal, mapping


async def preferences(url: str, mapping: SchemaMapping) -> set[ProviderName | None]:
    """Return whose booking counts in the workspaces."""
    await migrate(url, mapping=mapping)
    async with open_store(url, mapping=mapping) as store:
        found = [await store.leads.workspace(WorkspaceId(each)) for each in ("1", "2")]
        assert [each.faults for each in found if each] == [()] * len(found)
        return {each.preferred for each in found if each}


@pytest.mark.parametrize(
    ("change", "source"),
    [(TEXT, '"preferred_provider"'), (OTHER_WORDS, "CASE"), (ENUM, "CASE"), (SETTINGS, "SELECT")],
    ids=["text", "other-words", "enum", "settings"],
)
async def test_a_column_that_says_whose_booking_counts_is_proposed_as_likely(
    change: str, source: str, company_database: CompanyDatabase
) -> None:
    url = company_database("snake")
    await execute(url, change)
    proposal, mapping = await propose(url)
    (choice,) = [each for each in proposal.choices if each.key == "provider_preference"]

    assert choice.certainty is Certainty.LIKELY
    assert source in choice.value
    assert mapping is not None
    assert await preferences(url, mapping) == {ProviderName.CALENDLY}


@pytest.mark.parametrize(
    ("change", "named"),
    [(ITS_NAME_DOES_NOT_SAY, 1), (A_WORD_OF_NO_PROVIDER, 1), (TWO_COLUMNS, 2)],
    ids=["its-name-does-not-say", "a-word-of-no-provider", "two-columns"],
)
async def test_a_column_that_may_mean_something_else_is_named_and_not_mapped(
    change: str, named: int, company_database: CompanyDatabase
) -> None:
    url = company_database("snake")
    await execute(url, change)
    proposal, _ = await propose(url)

    assert [each for each in proposal.choices if each.key == "provider_preference"] == []
    assert sum("if it says whose booking counts" in each for each in proposal.obstacles) == named


async def test_without_tokens_of_both_providers_no_preference_is_proposed(company_database: CompanyDatabase) -> None:
    url = company_database("snake")
    await execute(
        url,
        "ALTER TABLE accounts DROP calendly_user_uri, DROP calendly_access_token, ADD preferred_provider text;"
        "UPDATE accounts SET preferred_provider = 'ghl'",
    )
    proposal, _ = await propose(url)

    assert [each for each in proposal.choices if each.key == "provider_preference"] == []
    assert proposal.obstacles == ()


@pytest.mark.parametrize(
    "change", [E_MAIL_OF_LEAD.format(unique="UNIQUE"), LEAD_NAMES_E_MAIL], ids=["of-lead", "named"]
)
async def test_an_email_address_of_another_table_is_an_expression(
    change: str, company_database: CompanyDatabase
) -> None:
    url = company_database("snake")
    await execute(url, change)
    proposal, _ = await propose(url)
    (choice,) = [each for each in proposal.choices if (each.section, each.key) == ("lead.columns", "email")]

    assert 'FROM \\"e_mail\\" s WHERE' in choice.value


async def test_of_several_email_addresses_none_is_chosen(company_database: CompanyDatabase) -> None:
    url = company_database("snake")
    await execute(url, E_MAIL_OF_LEAD.format(unique=""))
    proposal, _ = await propose(url)

    assert [each for each in proposal.choices if (each.section, each.key) == ("lead.columns", "email")] == []
    assert proposal.obstacles[0].startswith("a lead of leads may have several e-mail addresses in e_mail")


async def test_leads_that_name_their_workspace_by_way_of_another_table_get_a_view_that_a_run_can_write(
    company_database: CompanyDatabase,
) -> None:
    """Not the table of users, which has e-mail addresses and names the workspace."""
    url = company_database("snake")
    await execute(url, BY_LOCATION)
    proposal, _ = await propose(url)
    await execute(url, proposal.views[0])
    again, mapping = await propose(url)

    assert [each.value for each in again.choices if each.key == "table"] == [
        '"accounts"',
        '"leads_with_workspace"',
        '"appointments"',
    ]
    assert (proposal.choices, len(proposal.views), again.undecided) == ((), 1, ())
    assert mapping is not None
    seen = await journey(url, mapping)
    assert [report.errors for report in (seen.dry, seen.first, seen.again)] == [0, 0, 0]
    assert seen.after_first != seen.before
    assert seen.after_again == seen.after_first
    assert seen.after_undo == seen.before


async def test_workspaces_whose_tokens_are_in_another_table_get_a_view(company_database: CompanyDatabase) -> None:
    url = company_database("snake")
    await execute(url, TOKENS_APART)
    proposal, _ = await propose(url)
    await execute(url, proposal.views[0])
    again, mapping = await propose(url)
    found = {(each.section, each.key): each.value for each in again.choices}

    assert proposal.choices == ()
    assert proposal.obstacles[0].startswith("integrations holds tokens, and leads name accounts instead")
    assert found["workspace", "table"] == '"accounts_with_tokens"'
    assert found["workspace.columns", "ghl_token"] == '"ghl_access_token"'
    assert found["lead.columns", "workspace_id"] == '"account_id"'
    assert mapping is not None
    seen = await journey(url, mapping)
    assert [report.errors for report in (seen.dry, seen.first, seen.again)] == [0, 0, 0]
    assert (seen.after_first != seen.before, seen.after_undo == seen.before) == (True, True)


@pytest.mark.parametrize("name", ["lead_bookings", "termine"])
async def test_bookings_of_leads_are_not_taken_for_leads_without_a_workspace(
    name: str, company_database: CompanyDatabase
) -> None:
    url = company_database("snake")
    await execute(url, BOOKINGS_APART.format(name=name))
    await execute(url, "ALTER TABLE leads RENAME TO kunden" if name == "termine" else "SELECT 1")
    proposal, _ = await propose(url)
    tables = {each.section: each.value for each in proposal.choices if each.key == "table"}

    assert proposal.views == ()
    assert tables["appointment"] == f'"{name}"'


def test_the_view_is_printed_and_written_and_nothing_is_proposed_before(
    company_database: CompanyDatabase, tmp_path: Path
) -> None:
    url, path = company_database("snake"), tmp_path / "view.sql"
    in_thread(execute(url, BY_LOCATION))
    mapping_path = tmp_path / "mapping.toml"
    done = here("init", "--sql", str(path), "--write", str(mapping_path), database_url=url, output="text")

    assert done.code == 78
    assert "leads looks like leads, but names its row of accounts only by way of another table" in done.out
    assert re.search(
        r'^CREATE VIEW "leads_with_workspace" AS SELECT l\.\*, .* FROM "leads" l;$', done.out, re.MULTILINE
    )
    assert 'CREATE VIEW "leads_with_workspace"' in path.read_text()
    assert not mapping_path.exists()


async def test_each_of_several_ways_to_a_workspace_is_shown(company_database: CompanyDatabase) -> None:
    url = company_database("snake")
    await execute(url, f"{BY_LOCATION} ALTER TABLE leads ADD user_id bigint REFERENCES users")
    proposal, _ = await propose(url)

    assert len(proposal.views) == 2
    assert "create one of the views below" in proposal.obstacles[0]
