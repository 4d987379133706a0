"""An undo in a customer's own schema: quoted names, native enums, keys of other types."""

from reconcile.domain.backfill.undo import Left
from reconcile.domain.ids import LeadId, RunId
from reconcile.domain.lead import Lead
from reconcile.ports import Store
from tests.services.fakes import FakeClock
from tests.store import schemas
from tests.store.schemas import ONE
from tests.stores import NOW, RUN, appointment, batch, booking, lead_write
from tests.use_cases import Undo, undo


async def stored_lead(store: Store) -> Lead:
    one = await store.leads.lead(LeadId(ONE))
    assert one is not None
    return one


async def booked(store: Store) -> Lead:
    """Let a run book the lead, and return it as it was before."""
    before = await stored_lead(store)
    await store.ledger.begin_run(RUN, started_at=NOW, trigger="schedule", version="1")
    change = booking(before, appointment("NEW"), contact_id="c1")
    await store.leads.write(batch([lead_write(before, change=change)]))
    return before


async def test_changes_in_a_customers_tables_can_be_undone_and_redone(store: Store, customer: schemas.Customer) -> None:
    await customer.execute("""UPDATE app."Lead" SET status = 'QUALIFIED'""")
    before = await booked(store)
    changed = await stored_lead(store)
    assert len(await customer.execute('SELECT id FROM app."Appointment"')) == len(changed.appointments) == 1

    done = await undo(Undo(undone_run=RUN, run_id=RunId("undo")), store=store, clock=FakeClock())

    assert done.left == ()
    assert (await stored_lead(store)).same_facts(before)
    assert await customer.execute('SELECT id FROM app."Appointment"') == []
    assert await customer.execute('SELECT DISTINCT status FROM app."Lead"') == [("QUALIFIED",)]

    again = await undo(Undo(undone_run=RunId("undo"), run_id=RunId("again")), store=store, clock=FakeClock())

    assert again.left == ()
    assert (await stored_lead(store)).same_facts(changed)


async def test_a_lead_with_the_customers_own_status_is_not_undone(store: Store, customer: schemas.Customer) -> None:
    await customer.execute("""UPDATE app."Lead" SET status = 'NEW'""")
    await booked(store)
    changed = await stored_lead(store)

    done = await undo(Undo(undone_run=RUN, run_id=RunId("undo")), store=store, clock=FakeClock())

    assert [each.reason for each in done.left] == [Left.STATUS_UNKNOWN]
    assert (await stored_lead(store)).same_facts(changed)
