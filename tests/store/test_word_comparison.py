"""Words of a status column compare as the database compares them: blanks at the end and case count or not."""

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import LeadStatus
from reconcile.store.mapping.catalog import ColumnFacts, ColumnKind
from reconcile.store.mapping.vocabulary import AppointmentWords, Comparison, LeadWords
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.store import schemas
from tests.stores import DEFAULT

PADDED, CASELESS, EXACT = Comparison.PADDED, Comparison.CASELESS, Comparison.EXACT


@pytest.mark.parametrize(
    ("type_name", "comparison"),
    [("character", PADDED), ("citext", CASELESS), ("text", EXACT), ("character varying", EXACT), ("TEXT", EXACT)],
)
def test_a_columns_type_says_how_it_compares(type_name: str, comparison: Comparison) -> None:
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
def test_a_kept_status_is_known_by_every_spelling_that_its_column_takes_for_it(
    word: str, kept_by: set[Comparison], comparison: Comparison
) -> None:
    words = LeadWords(keep=("customer",), comparison=comparison)

    assert words.decode(word) is (LeadStatus.KEPT if comparison in kept_by else LeadStatus.OTHER)


def test_a_remembered_status_is_told_by_its_word_in_whatever_spelling() -> None:
    words = AppointmentWords(
        {AppointmentStatus.CONFIRMED: ("Booked",), AppointmentStatus.CANCELED: ("Off",)}, comparison=PADDED
    )

    assert words.decode("Booked    ", remembered="no_show") is AppointmentStatus.NO_SHOW
    assert words.decode("Off    ", remembered="no_show") is AppointmentStatus.CANCELED


async def test_a_status_in_a_padded_column_is_read_as_what_it_says(postgres_url: str) -> None:
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
