"""Words of a status column compare as the database compares them: blanks at the end and case count or not."""

from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import LeadId
from reconcile.domain.lead import Lead, LeadStatus
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.plan import plan
from reconcile.store.mapping.catalog import ColumnFacts, ColumnKind
from reconcile.store.mapping.vocabulary import AppointmentWords, Comparison, LeadWords
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.domain.factories import NOW, an_appointment
from tests.store import schemas
from tests.stores import DEFAULT, batch, lead_write

PADDED, CASELESS, EXACT = Comparison.PADDED, Comparison.CASELESS, Comparison.EXACT


@pytest.mark.parametrize(
    ("type_name", "comparison"),
    [("character", PADDED), ("citext", CASELESS), ("text", EXACT), ("character varying", EXACT), ("TEXT", EXACT)],
)
def test_a_columns_type_decides_its_comparison(type_name: str, comparison: Comparison) -> None:
    facts = ColumnFacts(name="status", type_name=type_name, kind=ColumnKind.TEXT, is_required=False)

    assert facts.comparison is comparison


@pytest.mark.parametrize(
    ("word", "kept_by"),
    [
        ("customer", {EXACT, PADDED, CASELESS}),
        ("customer" + 22 * " ", {PADDED}),
        ("Customer", {CASELESS}),
        (" customer", set()),
        ("customers", set()),
    ],
)
@pytest.mark.parametrize("comparison", Comparison)
def test_a_kept_status_matches_every_equal_spelling_in_its_column(
    word: str, kept_by: set[Comparison], comparison: Comparison
) -> None:
    words = LeadWords(keep=("customer",), comparison=comparison)

    assert words.decode(word) is (LeadStatus.KEPT if comparison in kept_by else LeadStatus.OTHER)


def test_a_status_in_the_side_table_matches_its_value_in_any_equal_spelling() -> None:
    words = AppointmentWords(
        {AppointmentStatus.CONFIRMED: ("Booked",), AppointmentStatus.CANCELED: ("Off",)}, comparison=PADDED
    )

    assert words.decode("Booked    ", remembered="no_show") is AppointmentStatus.NO_SHOW
    assert words.decode("Off    ", remembered="no_show") is AppointmentStatus.CANCELED


async def test_a_status_in_a_padded_column_is_read_without_padding(postgres_url: str) -> None:
    await migrate(postgres_url, mapping=DEFAULT)
    customer = schemas.Customer(postgres_url, DEFAULT)
    await customer.script(
        "ALTER TABLE lead ALTER COLUMN status TYPE char(30), ALTER COLUMN booking_status TYPE char(20);"
        "INSERT INTO workspace (id) VALUES ('w');"
        "INSERT INTO lead (id, workspace_id, status, booking_id, booking_status, in_sequence)"
        " VALUES ('l', 'w', 'customer', 'b', 'canceled', false);"
    )

    async with open_store(postgres_url, mapping=DEFAULT) as store:
        lead = await store.leads.lead("l")  # type: ignore[arg-type]

    assert lead is not None
    assert (lead.status, lead.rollup.status) == (LeadStatus.KEPT, AppointmentStatus.CANCELED)


NOCASE = "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level1', deterministic = false);"
SPELLED = """
    INSERT INTO workspace (id) VALUES ('w');
    INSERT INTO lead (id, workspace_id, status, booking_id, booking_status, in_sequence)
    VALUES ('l', 'w', 'Customer', 'b', 'CANCELED', false);
    INSERT INTO appointment (lead_id, appointment_id, provider, status, starts_at)
    VALUES ('l', 'b', 'ghl', 'Canceled', '2026-03-03 12:00:00+00:00');
"""


SET_STATUS = "UPDATE lead SET status = '{}';"
SPELLED_ALONE = """
    INSERT INTO workspace (id) VALUES ('w');
    INSERT INTO lead (id, workspace_id, in_sequence) VALUES ('l', 'w', true);
"""


async def enter(url: str, script: str) -> None:
    """Run *script* as the customer; a PostgreSQL that was built without ICU has no such collation."""
    try:
        await schemas.Customer(url, DEFAULT).script(script)
    except asyncpg.FeatureNotSupportedError:
        pytest.skip("this PostgreSQL was built without ICU")


async def read_lead(url: str) -> Lead:
    async with open_store(url, mapping=DEFAULT) as store:
        lead = await store.leads.lead(LeadId("l"))
    assert lead is not None
    return lead


@pytest.mark.parametrize(
    ("before", "collated"),
    [
        (NOCASE, "text COLLATE folded"),
        ("CREATE EXTENSION IF NOT EXISTS citext;", "citext"),
        ("CREATE EXTENSION IF NOT EXISTS citext; CREATE DOMAIN word AS citext;", "word"),
    ],
    ids=["collation", "citext", "a domain over citext"],
)
async def test_postgresql_compares_values_by_the_columns_collation(
    postgres_url: str, before: str, collated: str
) -> None:
    await migrate(postgres_url, mapping=DEFAULT)
    await enter(
        postgres_url,
        f"{before} ALTER TABLE lead ALTER COLUMN status TYPE {collated}, ALTER COLUMN booking_status TYPE {collated};"
        f"ALTER TABLE appointment ALTER COLUMN status TYPE {collated}; {SPELLED}",
    )

    lead = await read_lead(postgres_url)

    assert (lead.status, lead.rollup.status) == (LeadStatus.KEPT, AppointmentStatus.CANCELED)
    assert [each.status for each in lead.appointments] == [AppointmentStatus.CANCELED]


async def test_an_accent_that_a_collation_ignores_is_ignored(postgres_url: str) -> None:
    await migrate(postgres_url, mapping=DEFAULT)
    spelled = SPELLED.replace("'Customer'", "'cüstomer'")
    await enter(postgres_url, f"{NOCASE} ALTER TABLE lead ALTER COLUMN status TYPE text COLLATE folded; {spelled}")

    assert (await read_lead(postgres_url)).status is LeadStatus.KEPT


@pytest.mark.parametrize(
    ("collation", "status", "is_kept"),
    [("NOCASE", "Customer", True), ("RTRIM", "customer  ", True), ("BINARY", "Customer", False)],
)
async def test_sqlite_compares_values_by_the_columns_collation(
    tmp_path: Path, collation: str, status: str, is_kept: bool
) -> None:
    url = f"sqlite:///{tmp_path / 'words.db'}"
    await migrate(url, mapping=DEFAULT)
    customer = schemas.Customer(url, DEFAULT)
    await customer.script(
        "ALTER TABLE lead DROP COLUMN status;"
        f"ALTER TABLE lead ADD COLUMN status TEXT COLLATE {collation};" + SPELLED.replace("'Customer'", f"'{status}'")
    )

    assert (await read_lead(url)).status is (LeadStatus.KEPT if is_kept else LeadStatus.OTHER)


@pytest.mark.parametrize("word", ["Customer", "it's %(odd)s :odd"])
async def test_a_kept_status_in_another_spelling_is_not_overwritten(tmp_path: Path, word: str) -> None:
    """By a booking that is found: the status stays, as the database takes it for one that is kept."""
    url = f"sqlite:///{tmp_path / 'words.db'}"
    await migrate(url, mapping=DEFAULT)
    mapping = replace(DEFAULT, lead_words=replace(DEFAULT.lead_words, keep=(word.lower(),)))
    customer = schemas.Customer(url, DEFAULT)
    await customer.script(
        "ALTER TABLE lead DROP COLUMN status; ALTER TABLE lead ADD COLUMN status TEXT COLLATE NOCASE;" + SPELLED_ALONE
    )
    await customer.script(SET_STATUS.format(word.replace("'", "''")))

    async with open_store(url, mapping=mapping) as store:
        lead = await store.leads.lead(LeadId("l"))
        assert lead is not None
        planned = plan(lead, Answer(appointments=(an_appointment(),)), now=NOW)
        assert planned.change is not None
        receipt = await store.leads.write(batch([lead_write(lead, change=planned.change)]))
        after = await store.leads.lead(LeadId("l"))

    assert (receipt.drifted, lead.status) == (frozenset(), LeadStatus.KEPT)
    assert after is not None
    assert after.rollup.booking_id is not None
    assert await customer.execute("SELECT status FROM lead") == [(word,)]
