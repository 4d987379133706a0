"""Whose a booking is: one lead's, of the workspace in which it was looked up."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import Appointment
from reconcile.domain.lead import MismatchKind
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import DeferReason, Outcome
from reconcile.ports import BatchReceipt, BatchWrite
from tests.domain.factories import an_appointment
from tests.services.backfilling import execute
from tests.services.fakes import START, a_workspace
from tests.services.run_harness import RunHarness, Wrapped, booked, unbooked

MEETING = an_appointment("meeting", starts_at=START + timedelta(days=3))
ONE = {"email": "ann@example.com"}


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        ({}, {}, "lead-1"),
        ({"last_inbound_at": START}, {}, "lead-1"),
        ({}, {"last_inbound_at": START}, "lead-2"),
        ({"last_inbound_at": START - timedelta(days=1)}, {"last_inbound_at": START}, "lead-2"),
    ],
)
async def test_one_of_two_leads_with_an_equal_e_mail_gets_meeting_and_sequence(
    harness: RunHarness, first: dict[str, Any], second: dict[str, Any], chosen: str
) -> None:
    leads = [unbooked("lead-1", "ws-1", **ONE, **first), unbooked("lead-2", "ws-1", **ONE, **second)]
    await harness.seed([a_workspace("ws-1")], leads)
    for each in leads:
        harness.ghl.verdicts[each.id] = Answer(appointments=(MEETING,))

    report = await harness.run()
    await harness.run()

    found = {each.id: await harness.lead(each.id) for each in leads}
    assert report.booked_found == 1
    assert {i for i, each in found.items() if each.rollup.booking_id} == {chosen}
    assert [each.state.mismatch for i, each in found.items() if i != chosen] == [MismatchKind.OTHER_LEAD]
    assert len(await harness.store.outbox.pending(now=START + timedelta(days=9), limit=9)) == 1
    assert [each.id for each in await harness.store.leads.mismatched()] == [i for i in found if i != chosen]


async def test_a_lead_keeps_its_booking_when_another_finds_it_later(harness: RunHarness) -> None:
    holder = replace(booked("lead-9", "ws-1"), email=ONE["email"], in_sequence=False)
    later = unbooked("lead-1", "ws-1", **ONE, last_inbound_at=START)
    await harness.seed([a_workspace("ws-1")], [holder, later])
    harness.ghl.verdicts[later.id] = Answer(appointments=holder.appointments)

    await harness.run()

    assert (await harness.lead(later.id)).rollup.booking_id is None
    assert (await harness.state(later.id)).mismatch is MismatchKind.OTHER_LEAD


@pytest.mark.parametrize(
    "moved",
    [
        "UPDATE lead SET workspace_id = 'ws-2' WHERE id = :lead_id",
        "UPDATE lead SET email = 'other@example.com' WHERE id = :lead_id",
        "UPDATE lead SET contact_id = 'other' WHERE id = :lead_id",
    ],
    ids=["workspace", "e-mail", "contact"],
)
@pytest.mark.parametrize("found", [(MEETING,), ()], ids=["a change", "no change"])
async def test_a_lead_whose_person_changes_during_its_look_up_is_drifted(
    harness: RunHarness, moved: str, found: tuple[Appointment, ...]
) -> None:
    """What the old workspace's account says is not the new tenant's, also where it changes nothing."""
    lead = unbooked("lead-1", "ws-1", **ONE)
    await harness.seed([a_workspace("ws-1"), a_workspace("ws-2")], [lead])
    harness.ghl.verdicts[lead.id] = Answer(appointments=found)
    leads = harness.store.leads

    class Moving:
        def __getattr__(self, name: str) -> Any:
            return getattr(leads, name)

        async def write(self, batch: Any) -> Any:
            await execute(harness, moved, lead_id=lead.id)
            return await leads.write(batch)

    report = await harness.run(store=harness.with_(leads=Moving()))

    after = await harness.lead(lead.id)
    assert (report.defer_reasons, report.no_change) == ({DeferReason.DRIFTED: 1}, 0)
    assert after.rollup.booking_id is None
    assert (after.state.verified_at, after.state.reason) == (None, "drifted")
    assert [each.counts for each in await harness.store.ledger.batches()] == [{Outcome.DEFERRED: 1}]


async def test_a_lead_that_got_a_booking_while_nothing_was_found_is_not_verified(harness: RunHarness) -> None:
    """A webhook wrote it, and no look-up has seen it."""
    lead = unbooked("lead-1", "ws-1", **ONE)
    await harness.seed([a_workspace("ws-1")], [lead])
    harness.ghl.verdicts[lead.id] = Answer()
    leads = harness.store.leads

    async def write(batch: BatchWrite) -> BatchReceipt:
        await execute(harness, "UPDATE lead SET booking_id = 'new' WHERE id = :lead_id", lead_id=lead.id)
        return await leads.write(batch)

    await harness.run(store=harness.with_(leads=Wrapped(leads, write=write)))

    assert (await harness.state(lead.id)).verified_at is None


async def test_changes_of_unrelated_columns_do_not_prevent_verification(
    harness: RunHarness,
) -> None:
    lead, *_ = await harness.fill([1])
    leads = harness.store.leads

    async def write(batch: BatchWrite) -> BatchReceipt:
        await execute(harness, "UPDATE lead SET status = 'customer' WHERE id = :lead_id", lead_id=lead.id)
        return await leads.write(batch)

    report = await harness.run(store=harness.with_(leads=Wrapped(leads, write=write)))

    assert (report.no_change, report.deferred) == (1, 0)
    assert (await harness.state(lead.id)).verified_at is not None
