"""Follow-ups on their way out: in order, at least once, and never in the way of the run."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import LeadId
from reconcile.domain.planning.change import Answer, EffectKind
from reconcile.domain.run.report import Health
from reconcile.errors import StoreUnavailable
from tests.domain.factories import an_appointment
from tests.services.fakes import START, FakeSink, a_workspace
from tests.services.run_harness import RunHarness, Wrapped, unbooked
from tests.stores import appointment, batch, booking, lead_write

FAR = timedelta(days=30)


@pytest.fixture
async def keys(harness: RunHarness) -> Sequence[str]:
    """Find three new bookings in two runs, and return the keys of their follow-ups in the order of their making."""
    leads = [unbooked(f"lead-{n}", f"ws-{n}") for n in range(3)]
    await harness.seed([a_workspace(each.workspace_id) for each in leads], leads)
    for each in leads[:2]:
        book_there(harness, each.id)
    await harness.run()
    book_there(harness, "lead-2")
    await harness.run()
    rows = await harness.store.outbox.pending(now=START + FAR, limit=10)
    assert [row.kind for row in rows] == [EffectKind.START_POST_BOOKING_SEQUENCE] * 3
    assert rows[2].lead_id == "lead-2"
    return [row.key for row in rows]


def book_there(harness: RunHarness, lead_id: str) -> None:
    booked = an_appointment(f"appt-{lead_id}", status=AppointmentStatus.CONFIRMED, starts_at=START + FAR)
    harness.ghl.verdicts[LeadId(lead_id)] = Answer(appointments=(booked,))


async def test_follow_ups_are_delivered_once_oldest_first(harness: RunHarness, keys: Sequence[str]) -> None:
    harness.sink = FakeSink()

    first, second = await harness.run(), await harness.run()

    assert harness.sink.delivered == keys
    assert (first.effects_delivered, first.effects_pending) == (3, 0)
    assert (second.effects_delivered, second.effects_pending) == (0, 0)


async def test_a_failed_delivery_pauses_only_its_workspace(harness: RunHarness, keys: Sequence[str]) -> None:
    """The one that failed waits longer each time; those of others go out in the same run."""
    harness.sink = sink = FakeSink(failing={keys[0]})

    first = await harness.run(then=timedelta(seconds=30))

    assert (sink.delivered, first.effects_delivered, first.effects_pending) == (list(keys[1:]), 2, 1)
    assert first.health is Health.DEGRADED

    second = await harness.run()

    assert (sink.delivered, second.effects_pending) == (list(keys[1:]), 1)

    sink.failing.clear()
    await harness.run()
    assert sink.delivered == [keys[1], keys[2], keys[0]]


async def test_a_rejected_follow_up_does_not_delay_later_ones(harness: RunHarness, keys: Sequence[str]) -> None:
    """Each of them comes back every hour: sixty of them, and no run would get past the first that is due."""
    harness.sink = sink = FakeSink(rejecting=set(keys[:2]))

    report = await harness.run()

    assert (sink.delivered, report.effects_pending) == ([keys[2]], 2)
    assert [row.attempts for row in await harness.store.outbox.pending(now=START + FAR, limit=10)] == [1, 1]


async def test_the_pause_after_a_failed_delivery_grows_to_an_hour(harness: RunHarness, keys: Sequence[str]) -> None:
    harness.sink = FakeSink(failing=set(keys))
    tries: list[datetime] = []
    attempts = 0
    for _ in range(50):
        at = harness.clock.now()
        await harness.run(then=timedelta(minutes=7))
        (row,) = [r for r in await harness.store.outbox.pending(now=START + FAR, limit=10) if r.key == keys[0]]
        if row.attempts > attempts:
            attempts = row.attempts
            tries.append(at)

    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert pauses == sorted(pauses)
    assert timedelta(hours=1) <= max(pauses) <= timedelta(hours=1, minutes=7)


@pytest.mark.parametrize("how", ["failing", "rejecting"])
async def test_undelivered_follow_ups_of_one_workspace_delay_no_other(harness: RunHarness, how: str) -> None:
    """The webhook answers 503 or 404 to 120 of one workspace's, which are older than all others."""
    await add_follow_ups(harness, "ws-bad", 120, at=START - timedelta(hours=1))
    bad = {row.key for row in await harness.store.outbox.pending(now=START, limit=999)}
    for number in range(8):
        await add_follow_ups(harness, f"ws-{number}", 4, at=START)
    harness.sink = sink = FakeSink(failing=bad) if how == "failing" else FakeSink(rejecting=bad)

    reports = [await harness.run(then=timedelta(minutes=1)) for _ in range(5)]

    assert len(sink.delivered) == 32
    assert reports[0].effects_delivered == 32
    assert [report.effects_pending for report in reports] == [120] * 5


async def add_follow_ups(harness: RunHarness, workspace_id: str, count: int, *, at: datetime) -> None:
    """Leave follow-ups of one workspace behind, as a run would."""
    leads = [unbooked(f"{workspace_id}-lead-{n}", workspace_id) for n in range(count)]
    writes = [lead_write(each, change=booking(each, appointment(f"A-{each.id}")), at=at) for each in leads]
    await harness.seed([a_workspace(workspace_id)], leads)
    found = [await harness.store.leads.lead(each.id) for each in leads]
    assert all(found)
    await harness.store.leads.write(batch(writes, at=at))


async def test_a_crash_after_a_delivery_delivers_again(harness: RunHarness, keys: Sequence[str]) -> None:
    """At least once: the key lets the receiver see that it is the same."""
    harness.sink = sink = FakeSink()

    async def away(_keys: Sequence[str], *, at: datetime) -> None:
        raise StoreUnavailable(f"the database does not answer at {at}")

    with pytest.raises(StoreUnavailable):
        await harness.run(store=harness.with_(outbox=Wrapped(harness.store.outbox, mark_delivered=away)))
    await harness.run()

    assert sink.delivered == [*keys, *keys]
    assert await harness.store.outbox.pending_count() == 0


async def test_without_a_webhook_follow_ups_stay_pending(harness: RunHarness, keys: Sequence[str]) -> None:
    report = await harness.run()

    assert (report.effects_delivered, report.effects_pending, report.health) == (0, len(keys), Health.HEALTHY)


@pytest.mark.parametrize(("spent", "is_delivered"), [(41, True), (50, False)])
async def test_the_last_part_of_the_time_budget_is_for_deliveries(
    harness: RunHarness, keys: Sequence[str], spent: int, is_delivered: bool
) -> None:
    """An installation that is always busy delivers too; past the end of its time nothing is begun."""
    harness.sink = FakeSink()
    harness.ghl.on_ask = lambda: harness.clock.advance(timedelta(seconds=spent))

    report = await harness.run()

    assert report.stopped == "deadline"
    assert bool(harness.sink.delivered) == is_delivered
