"""Fields that live elsewhere than in one column of our type: read, written and asked for on both databases."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.backfill.plan import Selection
from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.lead import Lead, LeadStatus
from reconcile.errors import SettingsError
from reconcile.ports import Store
from reconcile.store.mapping.mapping import parse_mapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.services.fakes import FakeClock
from tests.store import schemas
from tests.stores import NOW, POLICY, RUN, appointment, batch, booking, lead_write, state, workspace
from tests.use_cases import Undo, undo

EVENT = "https://api.calendly.com/scheduled_events/E1/invitees/I1"
BOOKINGS = "SELECT ghl_id, calendly_uri FROM person WHERE no = 1"


@pytest.fixture
async def customer(database_url: str) -> schemas.Customer:
    """Give a schema of other spellings: leads 1 and 2, 3 which is deleted, and 4 of an archived workspace."""
    made = await schemas.spread(database_url)
    await migrate(database_url, mapping=made.mapping)
    await made.script(
        """
        INSERT INTO account (no, archived, is_on) VALUES (7, 0, 1), (8, 1, 1), (9, 0, 0);
        INSERT INTO zone VALUES (7, 'Europe/Berlin');
        INSERT INTO person (no, account_no, stage, seq, deleted)
        VALUES (1, 7, 1, 1, NULL), (2, 7, 0, 0, NULL), (3, 7, 1, 1, 1), (4, 8, 1, 1, NULL), (5, 9, 1, 1, NULL);
        INSERT INTO address VALUES (1, 'a@example.com');
        """
    )
    return made


@pytest.fixture
async def store(customer: schemas.Customer) -> AsyncIterator[Store]:
    async with open_store(customer.url, mapping=customer.mapping) as opened:
        yield opened


async def found(store: Store, lead_id: str = "1") -> Lead:
    one = await store.leads.lead(LeadId(lead_id))
    assert one is not None
    return one


async def test_what_is_only_read_may_be_an_expression(store: Store) -> None:
    due = await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=9)
    one = await found(store)

    assert [(each.id, each.timezone) for each in due.workspaces] == [("7", "Europe/Berlin")]
    assert (one.email, one.in_sequence, (await found(store, "2")).in_sequence) == ("a@example.com", True, False)


async def test_rows_that_do_not_meet_the_condition_are_not_there(store: Store) -> None:
    due = await store.leads.due_leads(workspace("7").id, now=NOW, policy=POLICY, limit=9)
    selected = await store.backfills.shares(Selection())

    assert [each.id for each in due] == ["1"]
    assert await store.leads.lead(LeadId("3")) is None
    assert await store.leads.workspace(workspace("8").id) is None
    assert [(each.workspace_id, each.leads) for each in selected] == [("7", 2)]
    assert await store.leads.workspace_count() == 1


async def test_each_provider_has_its_own_column_and_undo_restores_them(
    store: Store, customer: schemas.Customer
) -> None:
    before = await found(store)
    await store.ledger.begin_run(RUN, started_at=NOW, trigger="schedule", version="1")
    await store.leads.write(batch([lead_write(before, change=booking(before, appointment()))]))
    at_ghl, ids = await found(store), await customer.execute(BOOKINGS)
    at_calendly = appointment(EVENT, provider=ProviderName.CALENDLY)
    await store.leads.write(
        replace(batch([lead_write(at_ghl, change=booking(at_ghl, at_calendly))]), run_id=RunId("b"))
    )
    moved, ids_after = await found(store), await customer.execute(BOOKINGS)
    await store.ledger.begin_run(RunId("b"), started_at=NOW, trigger="schedule", version="1")
    undone = await undo(Undo(undone_run=RunId("b"), run_id=RunId("undo")), store=store, clock=FakeClock())

    assert (ids, ids_after) == ([("A1", None)], [(None, EVENT)])
    assert (at_ghl.rollup.provider, moved.rollup.provider) == (ProviderName.HIGHLEVEL, ProviderName.CALENDLY)
    assert sorted(each.id for each in moved.appointments) == sorted(["A1", EVENT])
    assert await customer.execute("SELECT ghl_id, calendly_uri, state, made FROM meeting ORDER BY ghl_id") == [
        ("A1", None, 1, 21)
    ]
    assert (undone.left, (await found(store)).same_facts(at_ghl)) == ((), True)
    assert await customer.execute(BOOKINGS) == [("A1", None)]


async def test_a_change_sets_columns_and_some_only_with_a_field(store: Store, customer: schemas.Customer) -> None:
    one = await found(store)
    await store.leads.write(batch([lead_write(one, change=booking(one, appointment()))]))
    once = await found(store)
    later = appointment(starts_at=appointment().starts_at + timedelta(days=1))
    await store.leads.write(batch([lead_write(once, change=booking(once, later))]))
    twice = await found(store)

    assert (one.status, once.status) == (LeadStatus.QUALIFIED, LeadStatus.MEETING_BOOKED)
    assert await customer.execute("SELECT stage, changes, stage_changes FROM person WHERE no = 1") == [(2, 2, 1)]
    assert await customer.execute("SELECT changed FROM meeting") == [(1,)]
    assert twice.rollup.starts_at == later.starts_at == twice.appointments[0].starts_at


async def test_our_last_look_is_kept_as_a_number(store: Store, customer: schemas.Customer) -> None:
    one = await found(store)
    await store.leads.write(batch([lead_write(one, state=state(attempted_at=NOW))]))

    assert await customer.execute("SELECT seen_s FROM person WHERE no = 1") == [(int(NOW.timestamp()),)]


@pytest.mark.parametrize(
    ("there", "here", "sentence"),
    [
        ("deleted IS NULL", "deletd IS NULL", "[lead] where of spread.toml (RECONCILE_SCHEMA_MAPPING) is refused: "),
        ("a.person_no = person.no", "a.person_no = person.number", "[lead.columns] email of spread.toml"),
        ("person.changes + 1", "changes + 1", "[lead.on_change] changes of spread.toml"),
        ("20 + 1", "20 + x", "[appointment.constants] made of spread.toml"),
    ],
)
async def test_an_expression_that_the_database_refuses_is_told_before_a_run(
    customer: schemas.Customer, there: str, here: str, sentence: str
) -> None:
    mapping = parse_mapping(schemas.SPREAD.replace(there, here), name="spread.toml")
    with pytest.raises(SettingsError) as caught:
        async with open_store(customer.url, mapping=mapping):
            pass

    assert [fault.startswith(sentence) for fault in caught.value.faults] == [True]
