"""A booking in a calendar that is none of ours is left alone, however much its id looks like one."""

from sqlalchemy import text

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.outcome import SkipReason
from reconcile.store.db.database import Database
from tests.services.desk import Desk


async def test_a_booking_of_another_calendar_is_never_called_off(desk: Desk) -> None:
    (lead,) = await desk.fill([1])
    database = Database(desk.url)
    async with database.write_connection() as connection:
        await connection.execute(text("UPDATE lead SET booking_provider = 'google', booking_id = 'abc123def456'"))
        await connection.execute(text("DELETE FROM appointment"))
    await database.close()

    reports = [await desk.run() for _ in range(3)]

    assert reports[0].skip_reasons == {SkipReason.UNREADABLE_BOOKING_ID: 1}
    assert desk.ghl.asked == []
    after = await desk.lead(lead.id)
    assert (after.rollup.status, after.status) == (AppointmentStatus.CONFIRMED, lead.status)
