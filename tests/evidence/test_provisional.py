"""What was called off is looked at until its start has passed; what stands again is restored and asked for again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import bindparam, text

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import Lead, LeadStatus
from reconcile.domain.planning.change import Answer, EffectKind
from reconcile.ports import OutboxRow
from reconcile.store.db.database import Database
from reconcile.store.db.types import Instant
from tests.domain.factories import an_appointment
from tests.services.backfilling import execute
from tests.services.fakes import START
from tests.services.run_harness import RunHarness
from tests.services.write_refusals import refuse_updates

CONFIRMED, CANCELED = AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELED
SEQUENCE, TASK = EffectKind.START_POST_BOOKING_SEQUENCE, EffectKind.OPEN_CANCELLATION_TASK
FAR = timedelta(days=3650)


async def at_rest(harness: RunHarness, count: int = 2) -> Sequence[Lead]:
    """Enter leads whose meetings are three days ahead; nothing makes them due but, the first one, its sequence."""
    leads = await harness.fill([count])
    await harness.run()
    await execute(harness, "UPDATE lead SET in_sequence = (id = :lead_id)", lead_id=leads[0].id)
    return leads


async def follow_ups(harness: RunHarness) -> list[OutboxRow]:
    return list(await harness.store.outbox.pending(now=harness.clock.now() + FAR, limit=100))


async def receive(harness: RunHarness, lead: Lead, at: datetime) -> None:
    """Note a message of the lead."""
    statement = text("UPDATE lead SET last_inbound_at = :at WHERE id = :id").bindparams(
        bindparam("at", type_=Instant())
    )
    database = Database(harness.url)
    try:
        await database.change(statement, {"at": at, "id": lead.id})
    finally:
        await database.close()


async def stop_sequence(harness: RunHarness, lead: Lead) -> None:
    """Nothing but its booking makes the lead due from now on."""
    await execute(harness, "UPDATE lead SET in_sequence = false WHERE id = :lead_id", lead_id=lead.id)


async def test_a_restored_booking_is_noticed_by_the_next_run_and_notified_twice(
    harness: RunHarness,
) -> None:
    """With the same id and the same time."""
    lead, _other = await at_rest(harness)
    appointment = lead.appointments[0]
    for n in range(2):
        harness.ghl.appointments[appointment.id] = replace(
            appointment, status=CANCELED, canceled_at=harness.clock.now()
        )
        canceled = await harness.run()
        await stop_sequence(harness, lead)
        between = (await harness.lead(lead.id)).rollup.status
        harness.ghl.appointments[appointment.id] = appointment
        restored = await harness.run()

        assert (canceled.canceled_found, between, restored.booked_found) == (1, CANCELED, 1)
        now = await harness.lead(lead.id)
        assert (now.rollup.status, now.status) == (CONFIRMED, LeadStatus.MEETING_BOOKED)
        assert now.state.occurrence == n + 1
        await execute(harness, "UPDATE lead SET in_sequence = true WHERE id = :lead_id", lead_id=lead.id)

    kinds = sorted(each.kind for each in await follow_ups(harness) if each.lead_id == lead.id)
    assert kinds == sorted([TASK, SEQUENCE] * 2)


async def test_a_restoration_that_the_database_refuses_is_no_occurrence(harness: RunHarness) -> None:
    """The follow-up of the next attempt has the key that the refused one would have had."""
    lead, _other = await at_rest(harness)
    appointment = lead.appointments[0]
    harness.ghl.appointments[appointment.id] = replace(appointment, status=CANCELED, canceled_at=harness.clock.now())
    await harness.run()
    harness.ghl.appointments[appointment.id] = appointment
    allow = await refuse_updates(harness, lead.id)

    refused = await harness.run()

    assert (refused.errors, refused.booked_found) == (1, 0)
    assert (await harness.lead(lead.id)).state.occurrence == 0
    await allow()
    assert (await harness.run(then=timedelta(hours=2))).booked_found == 1
    assert (await harness.lead(lead.id)).state.occurrence == 1


async def test_a_booking_canceled_for_its_absence_is_restored_when_it_is_seen_again(harness: RunHarness) -> None:
    """Four leads were named absent for two ticks while others of the workspace were answered."""
    leads = await harness.fill([12])
    await harness.run()
    gone = leads[:4]
    kept = {each.appointments[0].id: harness.ghl.appointments.pop(each.appointments[0].id) for each in gone}
    await harness.run()
    await harness.run()
    for each in gone:
        await stop_sequence(harness, each)
    lost = [(await harness.lead(each.id)).rollup.status for each in gone]
    harness.ghl.appointments |= kept

    restored = await harness.run()

    assert lost == [CANCELED] * 4
    assert restored.booked_found == 4
    assert [(await harness.lead(each.id)).rollup.status for each in gone] == [CONFIRMED] * 4


@pytest.mark.parametrize(("ahead", "asked"), [(timedelta(hours=1), 1), (-timedelta(hours=1), 0)])
async def test_a_canceled_booking_is_checked_until_its_start(harness: RunHarness, ahead: timedelta, asked: int) -> None:
    lead, _other = await at_rest(harness)
    appointment = lead.appointments[0]
    harness.ghl.appointments[appointment.id] = replace(appointment, status=CANCELED, canceled_at=harness.clock.now())
    await harness.run()
    await stop_sequence(harness, lead)
    harness.clock.at = appointment.starts_at - ahead
    harness.ghl.asked.clear()

    await harness.run()

    assert harness.ghl.asked.count(lead.id) == asked


async def test_a_message_that_is_newer_than_the_last_check_makes_a_lead_due(harness: RunHarness) -> None:
    """A booking was made five minutes after it, and its webhook was lost."""
    lead, _other = await at_rest(harness)
    await harness.run()
    await stop_sequence(harness, lead)
    await harness.run(then=timedelta(minutes=5))
    harness.ghl.asked.clear()
    new = an_appointment("new", starts_at=START + timedelta(days=1))
    harness.ghl.verdicts[lead.id] = Answer(appointments=(*lead.appointments, new))
    before = await harness.run()
    await receive(harness, lead, harness.clock.now() - timedelta(minutes=1))
    found = await harness.run()
    again = await harness.run()

    assert (before.booked_found, found.rescheduled + found.booked_found, again.leads_checked) == (0, 1, 1)
    assert (await harness.lead(lead.id)).rollup.booking_id == "new"


async def test_a_message_from_the_future_makes_no_lead_due(harness: RunHarness) -> None:
    lead, _other = await at_rest(harness)
    await harness.run()
    await stop_sequence(harness, lead)
    await harness.run()
    harness.ghl.asked.clear()
    await receive(harness, lead, harness.clock.now() + timedelta(hours=2))

    await harness.run()

    assert harness.ghl.asked == []
