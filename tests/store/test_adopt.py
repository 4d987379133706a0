"""The guide to adopting a database does what it says."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconcile.domain.lead import LeadStatus
from reconcile.domain.views.finding import FindingStatus
from reconcile.store.doctor.check import check_schema
from reconcile.store.leads.seed import seed
from reconcile.store.mapping.mapping import (
    APPOINTMENT_FIELDS,
    LEAD_FIELDS,
    WORKSPACE_FIELDS,
    load_mapping,
    parse_mapping,
)
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.store.schemas import Customer
from tests.stores import NOW, POLICY, appointment, batch, booking, lead, lead_write, workspace

TEXT = (Path(__file__).parents[2] / "docs" / "adopt.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks("toml"))
def test_each_mapping_can_be_read(block: str) -> None:
    assert parse_mapping(block, name="adopt.toml").lead.columns["id"] == "id"


def test_the_first_mapping_is_the_preset() -> None:
    written, preset = parse_mapping(blocks("toml")[0], name="prisma"), load_mapping("prisma")

    assert written == preset


def test_each_key_is_explained() -> None:
    explained = set(re.findall(r"`([a-z_]+)`", TEXT))
    span = {name for name in LEAD_FIELDS if name.startswith("booking_")}

    assert {*WORKSPACE_FIELDS, *LEAD_FIELDS, *APPOINTMENT_FIELDS} - span <= explained


async def test_the_schema_of_the_guide_can_be_adopted(postgres_url: str) -> None:
    schema, _view, grants = blocks("sql")
    role = f"reconciler_{postgres_url[-12:]}"
    customer = Customer(postgres_url, load_mapping("prisma"))
    await migrate(postgres_url, mapping=customer.mapping)
    await customer.script(
        f"CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}"
    )
    await customer.script(schema + re.sub(r"CREATE ROLE .*", "", grants).replace("TO reconciler", f"TO {role}"))
    # What the application fills in and the seed does not know.
    await customer.script("""ALTER TABLE "Lead" ALTER "updatedAt" SET DEFAULT now()""")
    await customer.script("""ALTER TABLE "Workspace" ALTER "name" SET DEFAULT 'Ours'""")
    await seed(postgres_url, mapping=customer.mapping, workspaces=[workspace()], leads=[lead()], other_status="NEW")
    url = postgres_url.replace("reconcile@", f"{role}@")
    try:
        findings = await check_schema(url, mapping=customer.mapping, now=datetime.now(UTC))
        async with open_store(url, mapping=customer.mapping) as store:
            one = (await store.leads.due_leads(workspace().id, now=NOW, policy=POLICY, limit=1))[0]
            await store.leads.write(batch([lead_write(one, change=booking(one, appointment()))]))
            stored = await store.leads.lead(one.id)
    finally:
        await customer.script(f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert [each for each in findings if each.verdict is not FindingStatus.FINE] == []
    assert stored is not None
    assert (stored.status, stored.appointments) == (LeadStatus.MEETING_BOOKED, (appointment(),))
