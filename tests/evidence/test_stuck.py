"""A lead that can never be written becomes a failure with its reason and is set aside: nothing is put off for ever."""

from datetime import timedelta

from reconcile.domain.change import Answer
from reconcile.domain.outcome import DeferReason
from tests.domain.factories import an_appointment
from tests.services.backfilling import execute
from tests.services.desk import Desk, unbooked
from tests.services.fakes import START, a_workspace


async def test_a_row_that_cannot_be_read_makes_a_failure_and_then_quarantine(desk: Desk) -> None:
    """A webhook handler stored the appointment under a provider's name that the mapping does not know."""
    lead = unbooked("lead-1", "ws-1")
    await desk.seed([a_workspace("ws-1")], [lead])
    new = an_appointment("new", starts_at=START + timedelta(days=300))
    desk.ghl.verdicts[lead.id] = Answer(appointments=(new,))
    await execute(
        desk,
        "INSERT INTO appointment (lead_id, appointment_id, provider, status, starts_at) "
        "VALUES ('lead-1', 'new', 'gohighlevel', 'confirmed', '2026-12-01 00:00:00+00:00')",
    )

    first = [await desk.run() for _ in range(2)]
    third = await desk.run(then=timedelta(hours=7))
    for _ in range(7):
        last = await desk.run(then=timedelta(hours=7))

    assert [each.defer_reasons for each in first] == [{DeferReason.DRIFTED: 1}] * 2
    assert (third.errors, third.deferred) == (1, 0)
    assert "stand in the way" in third.top_signatures[0].key
    state = await desk.state("lead-1")
    assert last.quarantined == 1
    assert state.quarantined_at is not None
    assert (state.failure_count, state.reason) == (10, "drifted")
