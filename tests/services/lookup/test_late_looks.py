"""Two looks at what is gone are as far apart as they are told to be, however long a run takes."""

from datetime import timedelta

from reconcile.domain.appointment import AppointmentStatus
from tests.services.run_harness import RunHarness


async def test_a_late_first_absence_is_not_confirmed_by_an_immediate_next_run(harness: RunHarness) -> None:
    lead, _proof = await harness.fill([2])
    harness.ghl.appointments.pop(lead.appointments[0].id)
    harness.ghl.on_ask = lambda: harness.clock.advance(timedelta(seconds=19))
    first = await harness.run(then=timedelta(seconds=22))
    harness.ghl.on_ask = lambda: None

    second = await harness.run()  # a minute after the first began, and 22 s after it was told of the loss
    kept = await harness.lead(lead.id)
    third = await harness.run()

    assert (first.absent, second.absent, third.absent) == (1, 1, 1)
    assert kept.rollup.status is AppointmentStatus.CONFIRMED
    assert (await harness.lead(lead.id)).rollup.status is AppointmentStatus.CANCELED
