"""What every ``Leads`` promises of reading and writing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import LeadStatus, MismatchKind, Rollup
from reconcile.domain.planning.outcome import Outcome
from reconcile.errors import LeaseLost
from reconcile.ports import Store
from reconcile.store.leads.seed import seed
from tests.stores import (
    DEFAULT,
    NOW,
    POLICY,
    W1,
    W2,
    W3,
    appointment,
    batch,
    booking,
    lead,
    lead_write,
    signature,
    state,
    workspace,
)

LONG = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
async def seeded(store: Store, migrated_url: str) -> Store:
    """Give a store with workspaces w1 (leads l1, l2, l3, all due) and w2 (l4), and w3 without leads."""
    leads = [lead("l1"), lead("l2"), lead("l3"), lead("l4", workspace_id=W2)]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(w) for w in (W1, W2, W3)], leads=leads)
    return store


async def test_seeded_leads_are_read_back(store: Store, migrated_url: str) -> None:
    booked = appointment(canceled_at=NOW, status=AppointmentStatus.CANCELED)
    whole = lead(
        contact_id="c1",
        status=LeadStatus.QUALIFIED,
        appointments=(booked,),
        last_inbound_at=NOW,
        rollup=Rollup(
            booking_id="A1",
            provider=booked.provider,
            status=booked.status,
            starts_at=booked.starts_at,
            ends_at=booked.ends_at,
            canceled_at=NOW,
        ),
    )
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=[whole])

    assert await store.leads.lead(whole.id) == whole
    assert await store.leads.workspace(W1) == workspace()


async def test_workspaces_with_due_leads_are_found(seeded: Store) -> None:
    found = await seeded.leads.due_workspaces(now=NOW, policy=POLICY, limit=10)

    assert [each.id for each in found.workspaces] == [W1, W2]
    assert found.eligible_count == 2


async def test_the_limit_applies_to_the_workspaces_and_not_to_the_count(seeded: Store) -> None:
    found = await seeded.leads.due_workspaces(now=NOW, policy=POLICY, limit=1)

    assert ([each.id for each in found.workspaces], found.eligible_count) == ([W1], 2)


async def test_a_selection_of_one_workspace_returns_only_this_one(seeded: Store) -> None:
    found = await seeded.leads.due_workspaces(now=NOW, policy=POLICY, limit=10, only=W2)

    assert [each.id for each in found.workspaces] == [W2]


async def test_excluded_workspaces_are_left_out(seeded: Store) -> None:
    found = await seeded.leads.due_workspaces(now=NOW, policy=POLICY, limit=10, exclude=frozenset({W1}))

    assert ([each.id for each in found.workspaces], found.eligible_count) == ([W2], 1)


async def test_the_longest_unvisited_workspace_is_first(seeded: Store) -> None:
    await seeded.leads.write(batch([], workspace_id=W1, at=NOW))
    never_first = await seeded.leads.due_workspaces(now=NOW, policy=POLICY, limit=10)
    await seeded.leads.write(batch([], workspace_id=W2, at=NOW + LONG))
    oldest_first = await seeded.leads.due_workspaces(now=NOW, policy=POLICY, limit=10)

    assert [each.id for each in never_first.workspaces] == [W2, W1]
    assert [each.id for each in oldest_first.workspaces] == [W1, W2]


async def test_a_waiting_workspace_is_left_out_until_its_not_before(seeded: Store) -> None:
    await seeded.leads.write(batch([], workspace_id=W1, not_before=NOW + LONG))
    before = await seeded.leads.due_workspaces(now=NOW, policy=POLICY, limit=10)
    then = await seeded.leads.due_workspaces(now=NOW + LONG, policy=POLICY, limit=10)

    assert [each.id for each in before.workspaces] == [W2]
    assert {each.id for each in then.workspaces} == {W1, W2}


async def test_a_written_lead_is_not_due_immediately(seeded: Store) -> None:
    found = await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=10)
    await seeded.leads.write(batch([lead_write(found[0])]))

    due = await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=10)
    assert [each.id for each in due] == ["l2", "l3"]


async def test_due_leads_are_sorted_by_priority_attempt_and_id(store: Store, migrated_url: str) -> None:
    warm: dict[str, Any] = {"in_sequence": False, "last_inbound_at": NOW}
    leads = [lead("a", **warm), lead("b"), lead("c"), lead("d"), lead("e", **warm)]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=leads)
    attempts = {"b": NOW - LONG, "c": NOW - LONG * 2, "a": NOW - LONG}
    for lead_id, at in attempts.items():
        one = lead(lead_id)
        await store.leads.write(batch([lead_write(one, state=state(attempted_at=at))]))

    due = await store.leads.due_leads(W1, now=NOW, policy=POLICY, limit=10)
    assert [each.id for each in due] == ["d", "c", "b", "e", "a"]


async def test_a_cursor_continues_after_its_lead(seeded: Store) -> None:
    due = await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=1, after=lead("l1").id)

    assert [each.id for each in due] == ["l2"]


async def test_a_change_is_read_back(seeded: Store) -> None:
    found = (await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=1))[0]
    change = booking(found, appointment(), contact_id="c9")
    receipt = await seeded.leads.write(batch([lead_write(found, change=change)]))

    stored = await seeded.leads.lead(found.id)
    assert not receipt.drifted
    assert stored == replace(
        found,
        rollup=change.rollup,
        status=LeadStatus.MEETING_BOOKED,
        contact_id="c9",
        appointments=(appointment(),),
        state=state(attempted_at=NOW, verified_at=NOW),
    )


async def test_a_stored_appointment_is_updated(seeded: Store) -> None:
    first = (await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=1))[0]
    await seeded.leads.write(batch([lead_write(first, change=booking(first, appointment()))]))
    second = await seeded.leads.lead(first.id)
    assert second is not None
    gone = appointment(status=AppointmentStatus.CANCELED, canceled_at=NOW)
    change = booking(second, gone, status=LeadStatus.QUALIFIED, outcome=Outcome.CANCELED)
    await seeded.leads.write(batch([lead_write(second, change=change)]))

    third = await seeded.leads.lead(first.id)
    assert third is not None
    assert (third.appointments, third.status) == ((gone,), LeadStatus.QUALIFIED)


async def test_a_foreign_status_is_kept(seeded: Store, migrated_url: str) -> None:
    kept = lead("kept", status=LeadStatus.KEPT)
    await seed(migrated_url, mapping=DEFAULT, leads=[kept])
    found = await seeded.leads.lead(kept.id)
    assert found is not None
    change = booking(found, appointment(), status=LeadStatus.KEPT)
    await seeded.leads.write(batch([lead_write(found, change=change)]))

    stored = await seeded.leads.lead(kept.id)
    assert stored is not None
    assert stored.status is LeadStatus.KEPT


async def test_a_change_planned_from_older_facts_is_not_written(seeded: Store) -> None:
    found = (await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=2))[:2]
    await seeded.leads.write(batch([lead_write(found[0], change=booking(found[0], appointment()))]))
    late = [lead_write(each, change=booking(each, appointment("B2")), at=NOW + LONG) for each in found]
    receipt = await seeded.leads.write(batch(late))
    visit, *_ = await seeded.ledger.batches()

    assert visit.counts == {Outcome.BOOKED: 1, Outcome.DEFERRED: 1}
    refused, written = [await seeded.leads.lead(each.id) for each in found]
    assert refused is not None
    assert written is not None
    assert receipt.drifted == {found[0].id}
    assert [each.id for each in refused.appointments] == ["A1"]
    assert [each.id for each in written.appointments] == ["B2"]
    assert refused.state == state(attempted_at=NOW + LONG, verified_at=NOW)


async def test_watermarks_never_move_back(seeded: Store) -> None:
    found = (await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=1))[0]
    await seeded.leads.write(batch([lead_write(found, at=NOW)]))
    await seeded.leads.write(batch([lead_write(found, at=NOW - LONG)]))
    await seeded.leads.write(batch([lead_write(found, state=state())]))

    stored = await seeded.leads.lead(found.id)
    assert stored is not None
    assert stored.state == state(attempted_at=NOW, verified_at=NOW)


async def test_a_batch_under_a_lost_lease_writes_nothing(seeded: Store) -> None:
    found = (await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=1))[0]
    run = await seeded.leases.acquire("run", holder="me", ttl=LONG)
    old = await seeded.leases.acquire("workspace/w1", holder="me", ttl=timedelta(0))
    await seeded.leases.acquire("workspace/w1", holder="you", ttl=LONG)

    with pytest.raises(LeaseLost):
        await seeded.leads.write(batch([lead_write(found, change=booking(found, appointment()))], leases=[run, old]))
    assert await seeded.leads.lead(found.id) == found
    assert await seeded.ledger.batches() == []
    assert await seeded.outbox.pending_count() == 0


async def test_a_batch_under_held_leases_is_written(seeded: Store) -> None:
    found = (await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=1))[0]
    leases = [await seeded.leases.acquire(name, holder="me", ttl=LONG) for name in ("workspace/w1", "run")]
    await seeded.leads.write(batch([lead_write(found)], leases=leases))

    assert len(await seeded.ledger.batches()) == 1


async def test_quarantined_leads_are_listed_and_released(seeded: Store) -> None:
    found = await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=3)
    aside = [
        state(attempted_at=NOW, quarantined_at=NOW - LONG * n, reason="GHL answered 500", failure_count=9)
        for n in range(3)
    ]
    writes = [lead_write(each, state=s, outcome=Outcome.FAILED) for each, s in zip(found, aside, strict=True)]
    await seeded.leads.write(batch(writes))
    listed = await seeded.leads.quarantined(workspace_id=W1)
    some = await seeded.leads.release([found[0].id, lead("nobody").id])
    rest = await seeded.leads.release(None, workspace_id=W1)

    assert [each.id for each in listed] == ["l3", "l2", "l1"]
    assert (some, rest, await seeded.leads.release(None)) == (1, 2, 0)
    assert await seeded.leads.quarantined() == ()


async def test_mismatches_are_listed_and_counted(seeded: Store) -> None:
    found = await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=3)
    kinds = [MismatchKind.DIFFERS, MismatchKind.UNKNOWN_THERE, None]
    writes = [
        lead_write(each, state=state(attempted_at=NOW, mismatch=kind, mismatch_at=NOW if kind else None))
        for each, kind in zip(found, kinds, strict=True)
    ]
    await seeded.leads.write(batch(writes))

    assert [each.id for each in await seeded.leads.mismatched()] == ["l1", "l2"]
    assert await seeded.leads.mismatch_counts() == {MismatchKind.DIFFERS: 1, MismatchKind.UNKNOWN_THERE: 1}
    assert await seeded.leads.mismatched(workspace_id=W2) == ()


async def test_reading_a_missing_lead_returns_none(store: Store) -> None:
    assert await store.leads.lead(lead("nobody").id) is None
    assert await store.leads.workspace(W1) is None
    assert not await store.leads.due_leads(W1, now=NOW, policy=POLICY, limit=5)


async def test_failures_are_counted_by_signature(seeded: Store) -> None:
    found = await seeded.leads.due_leads(W1, now=NOW, policy=POLICY, limit=3)
    messages = ["GHL answered 500", "GHL answered 500", "other"]
    writes = [
        lead_write(each, outcome=Outcome.FAILED, signature=signature(message))
        for each, message in zip(found, messages, strict=True)
    ]
    await seeded.leads.write(batch(writes))
    await seeded.leads.write(batch(writes[:1], at=NOW + LONG))

    rows = await seeded.ledger.signatures()
    assert [(row.signature.message, row.count) for row in rows] == [("GHL answered 500", 3), ("other", 1)]
    assert (rows[0].first_seen_at, rows[0].last_seen_at) == (NOW, NOW + LONG)
    assert len(await seeded.ledger.signatures(since=NOW + LONG)) == 1
