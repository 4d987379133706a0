"""A booking in a calendar that is none of ours is left alone, however much its id looks like one."""

from sqlalchemy import text

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.planning.outcome import SkipReason
from reconcile.store.db.database import Database
from tests.services.run_harness import RunHarness


async def test_a_booking_of_another_calendar_is_never_canceled(harness: RunHarness) -> None:
    (lead,) = await harness.fill([1])
    database = Database(harness.url)
    async with database.write_connection() as connection:
        await connection.execute(text("UPDATE lead SET booking_provider = 'google', booking_id = 'abc123def456'"))
        await connection.execute(text("DELETE FROM appointment"))
    await database.close()

    reports = [await harness.run() for _ in range(3)]

    assert reports[0].skip_reasons == {SkipReason.UNREADABLE_BOOKING_ID: 1}
    assert harness.ghl.asked == []
    after = await harness.lead(lead.id)
    assert (after.rollup.status, after.status) == (AppointmentStatus.CONFIRMED, lead.status)
