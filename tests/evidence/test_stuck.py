"""A lead that can never be written becomes a failure with its reason and is set aside: nothing is put off for ever."""

from datetime import timedelta

from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import DeferReason, Outcome
from reconcile.ports import BatchReceipt, BatchWrite
from tests.domain.factories import an_appointment
from tests.services.backfilling import execute
from tests.services.fakes import START, a_workspace
from tests.services.run_harness import RunHarness, Wrapped, unbooked


async def test_a_row_that_cannot_be_read_makes_a_failure_and_then_quarantine(harness: RunHarness) -> None:
    """A webhook handler stored the appointment under a provider's name that the mapping does not know."""
    lead = unbooked("lead-1", "ws-1")
    await harness.seed([a_workspace("ws-1")], [lead])
    new = an_appointment("new", starts_at=START + timedelta(days=300))
    harness.ghl.verdicts[lead.id] = Answer(appointments=(new,))
    await execute(
        harness,
        "INSERT INTO appointment (lead_id, appointment_id, provider, status, starts_at) "
        "VALUES ('lead-1', 'new', 'gohighlevel', 'confirmed', '2026-12-01 00:00:00+00:00')",
    )

    reports = [await harness.run(then=timedelta(hours=7)) for _ in range(10)]

    assert [(each.errors, each.deferred) for each in reports] == [(1, 0)] * 10
    assert "the database refuses a value" in reports[0].top_signatures[0].key
    state = await harness.state("lead-1")
    assert reports[-1].quarantined == 1
    assert state.quarantined_at is not None
    assert state.failure_count == 10
    assert "the database refuses a value" in (state.reason or "")


async def test_a_lead_changed_during_every_look_up_fails_at_the_third(
    harness: RunHarness,
) -> None:
    """And is set aside after ten: it is not put off for ever."""
    lead = unbooked("lead-1", "ws-1")
    await harness.seed([a_workspace("ws-1")], [lead])
    new = an_appointment("new", starts_at=START + timedelta(days=300))
    harness.ghl.verdicts[lead.id] = Answer(appointments=(new,))
    leads, written = harness.store.leads, 0

    async def write(batch: BatchWrite) -> BatchReceipt:
        nonlocal written
        written += 1
        await execute(harness, "UPDATE lead SET email = :email WHERE id = 'lead-1'", email=f"{written}@example.com")
        return await leads.write(batch)

    store = harness.with_(leads=Wrapped(leads, write=write))
    reports = [await harness.run(then=timedelta(hours=7), store=store) for _ in range(10)]

    assert [each.defer_reasons for each in reports[:2]] == [{DeferReason.DRIFTED: 1}] * 2
    assert [(each.errors, each.deferred) for each in reports[2:]] == [(1, 0)] * 8
    assert "the rows changed at each attempt" in reports[2].top_signatures[0].key
    assert [each.counts for each in reversed(await harness.store.ledger.batches())] == [{Outcome.DEFERRED: 1}] * 2 + [
        {Outcome.FAILED: 1}
    ] * 8
    state = await harness.state("lead-1")
    assert state.quarantined_at is not None
    assert (state.failure_count, state.reason) == (10, "drifted")
