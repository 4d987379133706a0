"""A customer's own schema: quoted names, native enums, keys of other types, columns that are not there."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import AppointmentId, LeadId, ProviderName
from reconcile.domain.lead import Lead, LeadStatus, Rollup
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.planning.plan import plan
from reconcile.ports import Store
from reconcile.store.leads.seed import seed
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.store import schemas
from tests.store.schemas import ONE, TWO
from tests.stores import NOW, POLICY, appointment, batch, booking, lead, lead_write, state, workspace

LONG = timedelta(hours=1)


async def stored_lead(store: Store, lead_id: str = ONE) -> Lead:
    one = await store.leads.lead(LeadId(lead_id))
    assert one is not None
    return one


async def insert_appointment(
    customer: schemas.Customer, lead_id: str, external_id: str, *, provider: str = "GHL", status: str = "NEW"
) -> None:
    """Do what the customer's webhook handler does."""
    values = [str(uuid4()), lead_id, external_id, provider, status]
    quoted = ", ".join(f"'{value}'" for value in values)
    await customer.execute(
        f"""INSERT INTO app."Appointment" (id, "leadId", "externalId", provider, status, "workspaceId", title, source,
        "createdAt", "updatedAt") VALUES ({quoted}, 7, 'x', 'WEBHOOK', '2025-01-01', '2025-01-01')"""  # noqa: S608
    )


async def test_keys_of_any_type_are_read_as_text(store: Store) -> None:
    workspaces = await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=5)
    leads = await store.leads.due_leads(workspaces.workspaces[0].id, now=NOW, policy=POLICY, limit=5)

    assert workspaces.workspaces == (workspace("7"),)
    assert [(each.id, each.workspace_id) for each in leads] == [(ONE, "7"), (TWO, "7")]


async def test_a_cursor_works_for_keys_of_any_type(store: Store) -> None:
    leads = await store.leads.due_leads(workspace("7").id, now=NOW, policy=POLICY, limit=5, after=LeadId(ONE))

    assert [each.id for each in leads] == [TWO]


@pytest.mark.parametrize("odd", ["", "x", "0" * 99, "\0", "1e9", "' OR 1=1", "\ud800", "None"])
async def test_a_text_that_cannot_be_a_key_matches_no_row(store: Store, odd: str) -> None:
    assert await store.leads.lead(LeadId(odd)) is None
    assert await store.leads.workspace(workspace(odd).id) is None
    assert not (await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=5, only=workspace(odd).id)).workspaces
    assert await store.leads.release([LeadId(odd)], workspace_id=workspace(odd).id) == 0
    assert not await store.ledger.changes(lead_id=LeadId(odd))


async def test_a_booking_is_written_with_the_customers_status_values(store: Store, customer: schemas.Customer) -> None:
    one = await stored_lead(store)
    change = booking(one, appointment(), contact_id="c1")
    await store.leads.write(batch([lead_write(one, change=change)]))

    rows = await customer.execute('SELECT status, "bookingStatus", "bookingProvider", "bookingId" FROM app."Lead"')
    assert sorted(rows, key=str) == [("MEETING BOOKED", "CONFIRMED", "GHL", "A1"), ("NEW", None, None, None)]
    rows = await customer.execute('SELECT status, provider, title, source, "workspaceId" FROM app."Appointment"')
    assert rows == [("CONFIRMED", "GHL", "Call", "RECONCILER", 7)]


async def test_facts_without_a_column_are_stored_in_the_side_table(store: Store) -> None:
    one = await stored_lead(store)
    gone = appointment(
        status=AppointmentStatus.RESCHEDULED, canceled_at=NOW, replaces=AppointmentId("A0"), ends_at=None
    )
    change = booking(one, gone, contact_id="c1", status=LeadStatus.QUALIFIED)
    await store.leads.write(batch([lead_write(one, change=change)]))

    expected = replace(
        one,
        contact_id="c1",
        status=LeadStatus.QUALIFIED,
        rollup=change.rollup,
        appointments=(gone,),
        state=state(attempted_at=NOW, verified_at=NOW),
    )
    assert await stored_lead(store) == expected


async def test_the_customers_status_wins_over_the_side_table(store: Store, customer: schemas.Customer) -> None:
    one = await stored_lead(store)
    missed = appointment(status=AppointmentStatus.NO_SHOW)
    await store.leads.write(batch([lead_write(one, change=booking(one, missed))]))
    remembered = await stored_lead(store)
    await customer.execute("""UPDATE app."Lead" SET "bookingStatus" = 'CANCELED' WHERE "bookingId" = 'A1'""")
    await customer.execute("""UPDATE app."Appointment" SET status = 'CONFIRMED'""")
    theirs = await stored_lead(store)

    assert (remembered.rollup.status, remembered.appointments[0].status) == (AppointmentStatus.NO_SHOW,) * 2
    assert theirs.rollup.status is AppointmentStatus.CANCELED
    assert theirs.appointments[0].status is AppointmentStatus.CONFIRMED


async def test_the_next_change_clears_the_side_table(store: Store) -> None:
    one = await stored_lead(store)
    missed = appointment(status=AppointmentStatus.SHOWED)
    await store.leads.write(batch([lead_write(one, change=booking(one, missed))]))
    two = await stored_lead(store)
    await store.leads.write(batch([lead_write(two, change=booking(two, appointment()))]))

    three = await stored_lead(store)
    assert two.appointments[0].status is AppointmentStatus.SHOWED
    assert three.appointments[0].status is AppointmentStatus.CONFIRMED
    assert three.rollup.status is AppointmentStatus.CONFIRMED


async def test_an_unknown_status_value_is_read_as_unknown(store: Store, customer: schemas.Customer) -> None:
    await customer.execute("""UPDATE app."Lead" SET "bookingStatus" = 'PENDING', "bookingProvider" = 'ZOOM'""")
    await insert_appointment(customer, ONE, "A9", provider="GHL", status="INVALID")
    await insert_appointment(customer, ONE, "A8", provider="ZOOM", status="NEW")
    one = await stored_lead(store)

    assert one.status is LeadStatus.OTHER
    assert one.rollup == Rollup(status=AppointmentStatus.UNKNOWN)
    assert [(each.id, each.status) for each in one.appointments] == [("A9", AppointmentStatus.UNKNOWN)]


async def test_a_second_value_for_a_status_is_read_and_kept(store: Store, customer: schemas.Customer) -> None:
    one = await stored_lead(store)
    await store.leads.write(batch([lead_write(one, change=booking(one, appointment()))]))
    await customer.execute("""UPDATE app."Appointment" SET status = 'NEW'""")

    assert (await stored_lead(store)).appointments[0].status is AppointmentStatus.CONFIRMED


async def test_the_time_of_the_last_check_never_moves_back(store: Store, customer: schemas.Customer) -> None:
    leads = [await stored_lead(store, each) for each in (ONE, TWO)]
    for at in (NOW, NOW - LONG):
        changed = lead_write(leads[0], change=booking(await stored_lead(store), appointment(f"A{at.hour}")), at=at)
        await store.leads.write(batch([changed, lead_write(leads[1], at=at)]))

    rows = await customer.execute('SELECT "lastCheckedAt" FROM app."Lead"')
    assert {str(row[0])[:16].replace("T", " ") for row in rows} == {"2025-03-03 12:00"}


async def test_a_row_that_did_not_change_is_not_touched(store: Store, customer: schemas.Customer) -> None:
    one = await stored_lead(store)
    await store.leads.write(batch([lead_write(one)]))

    rows = await customer.execute('SELECT "updatedAt" FROM app."Lead"')
    assert rows == [(None,), (None,)]


async def test_planning_again_returns_no_change(store: Store) -> None:
    one = await stored_lead(store)
    remote = appointment(status=AppointmentStatus.NO_SHOW, starts_at=NOW - LONG, ends_at=NOW)
    first = plan(one, Answer(appointments=(remote,)), now=NOW)
    assert first.change is not None
    await store.leads.write(batch([lead_write(one, change=first.change)]))

    again = plan(await stored_lead(store), Answer(appointments=(remote,)), now=NOW)
    assert (again.outcome, again.change) == (Outcome.UNCHANGED, None)


async def test_a_duplicate_unique_key_of_an_appointment_is_refused_with_its_name(
    store: Store, customer: schemas.Customer
) -> None:
    """``externalId`` is unique, so that the row can belong to a lead that was not even read."""
    leads = [await stored_lead(store, each) for each in (ONE, TWO)]
    await insert_appointment(customer, TWO, "A1", provider="GHL", status="NEW")
    writes = [lead_write(leads[0], change=booking(leads[0], appointment("A1"))), lead_write(leads[1])]
    receipt = await store.leads.write(batch(writes))

    assert "the database refuses a value" in receipt.refused[LeadId(ONE)]
    assert (await stored_lead(store)).rollup == Rollup()
    assert (await stored_lead(store)).state.reason == receipt.refused[LeadId(ONE)]
    assert (await stored_lead(store, TWO)).state == state(attempted_at=NOW, verified_at=NOW)


async def test_a_refused_value_fails_only_its_own_lead(store: Store, customer: schemas.Customer) -> None:
    if customer.url.startswith("sqlite"):
        await customer.execute(
            """CREATE TRIGGER odd BEFORE UPDATE ON "Lead" WHEN NEW."bookingId" = 'BAD'
            BEGIN SELECT RAISE(ABORT, 'odd'); END"""
        )
    else:
        await customer.execute("""ALTER TABLE app."Lead" ADD CONSTRAINT odd CHECK ("bookingId" <> 'BAD')""")
    leads = [await stored_lead(store, each) for each in (ONE, TWO)]
    bad, good = (booking(each, appointment(name)) for each, name in zip(leads, ("BAD", "A2"), strict=True))
    receipt = await store.leads.write(batch([lead_write(bad.lead, change=bad), lead_write(good.lead, change=good)]))

    assert receipt.drifted == {ONE}
    assert "refuses a value" in receipt.refused[LeadId(ONE)]
    assert (await stored_lead(store)).state.reason == receipt.refused[LeadId(ONE)]
    assert (await stored_lead(store)).state.failure_count == 1
    assert (await stored_lead(store, TWO)).rollup.booking_id == "A2"
    assert len(await store.ledger.batches()) == 1


async def test_a_stored_uri_in_another_form_is_kept_and_its_row_updated(
    store: Store, customer: schemas.Customer
) -> None:
    """Only we compare ids in one spelling; the customer's rows stay as they are."""
    stored = "http://calendly.example/scheduled_events/EV/invitees/IN?x=1"
    await insert_appointment(customer, ONE, stored, provider="CALENDLY", status="NEW")
    one = await stored_lead(store)
    moved = replace(one.appointments[0], starts_at=NOW, status=AppointmentStatus.CANCELED)
    await store.leads.write(batch([lead_write(one, change=booking(one, moved))]))

    assert one.appointments[0].id == "https://api.calendly.com/scheduled_events/EV/invitees/IN"
    assert one.appointments[0].provider is ProviderName.CALENDLY
    assert (await stored_lead(store)).appointments == (moved,)
    assert await customer.execute('SELECT "externalId", status FROM app."Appointment"') == [(stored, "CANCELED")]


async def test_an_inactive_workspace_is_not_visited(store: Store, customer: schemas.Customer) -> None:
    await customer.execute('UPDATE app."Workspace" SET "isActive" = false')
    inactive = await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=5)
    await customer.execute('UPDATE app."Workspace" SET "isActive" = NULL')
    unsaid = await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=5)

    assert (len(inactive.workspaces), len(unsaid.workspaces)) == (0, 1)


async def test_a_schema_with_few_columns_can_be_mapped(database_url: str) -> None:
    customer = await schemas.bare(database_url)
    await migrate(database_url, mapping=customer.mapping)
    person = lead("2", workspace_id="1", in_sequence=False, last_inbound_at=NOW, email=None)
    await seed(database_url, mapping=customer.mapping, workspaces=[workspace("1", token=None)], leads=[person])
    async with open_store(database_url, mapping=customer.mapping) as store:
        one = (await store.leads.due_leads(workspace("1").id, now=NOW, policy=POLICY, limit=5))[0]
        missed = appointment(status=AppointmentStatus.NO_SHOW, replaces=AppointmentId("A0"))
        first = booking(one, missed, contact_id="c1")
        await store.leads.write(batch([lead_write(one, change=first)]))
        two = await stored_lead(store, "2")
        await store.leads.write(batch([lead_write(two, change=booking(two, appointment(), contact_id="c1"))]))
        three = await stored_lead(store, "2")

    assert one == person
    assert (two.rollup, two.status, two.contact_id) == (first.rollup, LeadStatus.MEETING_BOOKED, "c1")
    assert two.appointments == (missed,)
    assert three.appointments == (appointment(),)
