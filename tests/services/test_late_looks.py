"""Two looks at what is gone are as far apart as they are told to be, however long a run takes."""

from datetime import timedelta

from reconcile.domain.appointment import AppointmentStatus
from tests.services.desk import Desk


async def test_a_first_look_late_in_a_long_run_is_not_confirmed_by_the_next_run_at_once(desk: Desk) -> None:
    lead, _proof = await desk.fill([2])
    desk.ghl.appointments.pop(lead.appointments[0].id)
    desk.ghl.on_ask = lambda: desk.clock.advance(timedelta(seconds=19))
    first = await desk.run(then=timedelta(seconds=22))
    desk.ghl.on_ask = lambda: None

    second = await desk.run()  # a minute after the first began, and 22 s after it was told of the loss
    kept = await desk.lead(lead.id)
    third = await desk.run()

    assert (first.absent, second.absent, third.absent) == (1, 1, 1)
    assert kept.rollup.status is AppointmentStatus.CONFIRMED
    assert (await desk.lead(lead.id)).rollup.status is AppointmentStatus.CANCELED
