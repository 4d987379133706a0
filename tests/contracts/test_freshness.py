"""What every ``Leads`` promises of how old the truth is, and of leads that nobody has looked at."""

from datetime import datetime, timedelta

from sqlalchemy import text

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import Rollup
from reconcile.ports import Store
from reconcile.store.db.database import Database
from reconcile.store.leads.seed import seed
from tests.stores import DEFAULT, NOW, POLICY, W1, W2, W3, batch, lead, lead_write, state, workspace

LONG = timedelta(hours=1)
DAY = timedelta(days=1)


async def switch_off(url: str, workspace_id: str) -> None:
    """Let a workspace take no part any more, as the customer does."""
    database = Database(url)
    await database.change(text("UPDATE workspace SET active = false WHERE id = :id"), {"id": workspace_id})
    await database.close()


async def test_freshness_counts_leads_with_a_booking(store: Store, migrated_url: str) -> None:
    booked = Rollup(booking_id="A1", status=AppointmentStatus.CONFIRMED, starts_at=NOW + LONG)
    names = ("a", "b", "c", "d")
    leads = [lead(name, rollup=booked, in_sequence=False) for name in names] + [lead("e", in_sequence=False)]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=leads)
    for hours, each in enumerate(leads[:3]):
        seen = state(attempted_at=NOW, verified_at=NOW - LONG * hours)
        await store.leads.write(batch([lead_write(each, state=seen)]))
    fresh = await store.leads.freshness(now=NOW, policy=POLICY)

    assert (fresh.oldest, fresh.median, fresh.never_verified, fresh.due) == (LONG * 2, LONG, 1, 1)
    assert await store.leads.at_risk_count(now=NOW, policy=POLICY) == 2


async def test_leads_with_something_to_compare_that_were_never_verified_are_counted(
    store: Store, migrated_url: str
) -> None:
    """With a booking, in a sequence, or after a message; a lead without any of these is not checked at all."""
    leads = [
        lead("booked", rollup=Rollup(booking_id="A1", status=AppointmentStatus.CONFIRMED), in_sequence=False),
        lead("in-sequence", in_sequence=True),
        lead("wrote", in_sequence=False, last_inbound_at=NOW - LONG),
        lead("verified", in_sequence=True),
        lead("never-engaged", in_sequence=False),
    ]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=leads)
    await store.leads.write(batch([lead_write(leads[3], state=state(attempted_at=NOW, verified_at=NOW))]))

    assert (await store.leads.freshness(now=NOW, policy=POLICY)).never_verified == 3


async def test_unseen_leads_are_counted_and_selected_by_their_last_message(store: Store, migrated_url: str) -> None:
    leads = [
        lead("long-ago", in_sequence=False, last_inbound_at=NOW - 3 * DAY),
        lead("seen", in_sequence=False, last_inbound_at=NOW - 3 * DAY),
        lead("just-now", in_sequence=False, workspace_id=W2, last_inbound_at=NOW - LONG),
        lead("off", in_sequence=False, workspace_id=W3, last_inbound_at=NOW - 3 * DAY),
        lead("silent", in_sequence=False),
    ]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(w) for w in (W1, W2, W3)], leads=leads)
    await switch_off(migrated_url, W3)
    await store.leads.write(batch([lead_write(leads[1], state=state(attempted_at=NOW, verified_at=NOW))]))

    async def due(wrote_since: datetime | None) -> set[str]:
        found = await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=9, wrote_since=wrote_since)
        return {each.id for each in found.workspaces}

    assert (await store.leads.freshness(now=NOW, policy=POLICY)).unseen == 1
    assert await due(None) == {W1, W2}
    assert await due(NOW - DAY) == {W2}
    assert await due(NOW) == set()

    async def due_leads(wrote_since: datetime | None) -> set[str]:
        found = await store.leads.due_leads(W1, now=NOW, policy=POLICY, limit=9, wrote_since=wrote_since)
        return {each.id for each in found}

    assert await due_leads(None) == {"long-ago"}
    assert await due_leads(NOW - DAY) == set()


async def test_freshness_without_bookings_is_unknown(store: Store) -> None:
    fresh = await store.leads.freshness(now=NOW, policy=POLICY)

    assert (fresh.oldest, fresh.median, fresh.never_verified, fresh.due) == (None, None, 0, 0)
