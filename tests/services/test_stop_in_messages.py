"""Follow-ups and alerts that are stopped in the middle of their list: no other is sent, the rest goes out next time."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.domain.ids import LeadId
from reconcile.domain.planning.change import Answer
from reconcile.domain.run.stop_reason import StopReason
from reconcile.errors import StoreUnavailable
from reconcile.ports import Announcement, OutboxRow
from tests.domain.factories import an_appointment
from tests.samples import covering
from tests.services.fakes import START, FakeSink, a_workspace
from tests.services.memory_ports import MemoryMirror
from tests.services.notifications import FakeChannel, an_alarm, look
from tests.services.run_harness import RunHarness, Wrapped, unbooked
from tests.services.stop_points import PAST_THE_DEADLINE
from tests.use_cases import STOP_GRACE, Mirror, notify

COUNT = 4
FAR = timedelta(days=30)
AFTER = pytest.mark.parametrize("after", [0, 1, 2, COUNT])


async def pending(harness: RunHarness) -> Sequence[OutboxRow]:
    return await harness.store.outbox.pending(now=START + FAR, limit=10)


@pytest.fixture
async def keys(harness: RunHarness) -> Sequence[str]:
    """Find new bookings in two runs; return the keys of their follow-ups, the oldest first."""
    leads = [unbooked(f"lead-{n}", f"ws-{n}") for n in range(COUNT)]
    await harness.seed([a_workspace(each.workspace_id) for each in leads], leads)
    for each in leads:
        booked = an_appointment(f"a-{each.id}", status=AppointmentStatus.CONFIRMED, starts_at=START + FAR)
        harness.ghl.verdicts[LeadId(each.id)] = Answer(appointments=(booked,))
    await harness.run()
    return [row.key for row in await pending(harness)]


class StoppingSink(FakeSink):
    """Stops the run once so many follow-ups were delivered."""

    def __init__(self, harness: RunHarness, reason: str, *, after: int) -> None:
        super().__init__()
        self._desk = harness
        self._reason = reason
        self._after = after

    async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
        await super().deliver(row, deadline=deadline)
        self.stop_if_done()

    def stop_if_done(self) -> None:
        """Stop the run if this was the last follow-up that is to go out."""
        if len(self.delivered) != self._after:
            return
        match self._reason:
            case "sigterm":
                self._desk.stop.terminate()
            case "lease_lost":
                self._desk.stop.note_lease_lost()
            case "deadline":
                self._desk.clock.advance(PAST_THE_DEADLINE)
            case _:
                self._desk.stop.request(StopReason(self._reason))


@covering(1, "migrated_url", "reason", "after")
@AFTER
@pytest.mark.parametrize("reason", ["sigterm", "lease_lost", "deadline", "breaker"])
async def test_no_follow_up_is_delivered_after_the_stop_and_the_rest_is_delivered_once(
    harness: RunHarness, keys: Sequence[str], reason: str, after: int
) -> None:
    harness.sink = sink = StoppingSink(harness, reason, after=after)

    async def read(**asked: Any) -> Sequence[OutboxRow]:
        rows = await harness.store.outbox.pending(**asked)
        sink.stop_if_done()
        return rows

    report = await harness.run(store=harness.with_(outbox=Wrapped(harness.store.outbox, pending=read)))
    left = await pending(harness)

    assert sink.delivered == list(keys[:after])
    assert report.effects_delivered == after
    assert [(row.key, row.attempts) for row in left] == [(key, 0) for key in keys[after:]]
    assert await harness.store.leases.held() == {}

    harness.sink = rest = FakeSink()
    await harness.run()

    assert rest.delivered == list(keys[after:])
    assert await pending(harness) == []


async def test_a_delivery_that_does_not_end_after_sigterm_is_canceled_and_repeated(
    harness: RunHarness, keys: Sequence[str]
) -> None:
    class Hanging(FakeSink):
        async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
            if row.key == keys[2]:
                harness.stop.terminate()
                await asyncio.Event().wait()
            await super().deliver(row, deadline=deadline)

    harness.sink = sink = Hanging()
    before = harness.clock.now()

    report = await harness.run(then=timedelta(0))

    assert (sink.delivered, report.stopped) == (list(keys[:2]), "sigterm")
    assert harness.clock.now() - before == STOP_GRACE
    assert [(row.key, row.attempts) for row in await pending(harness)] == [(key, 0) for key in keys[2:]]


async def test_delivered_follow_ups_are_marked_although_the_next_one_fails(
    harness: RunHarness, keys: Sequence[str]
) -> None:
    harness.sink = sink = FakeSink(failing={keys[2]})

    async def away(_keys: Sequence[str], *, until: object, **_: object) -> None:
        raise StoreUnavailable(f"the database does not answer: {until}")

    with pytest.raises(StoreUnavailable):
        await harness.run(store=harness.with_(outbox=Wrapped(harness.store.outbox, postpone=away)))

    assert sink.delivered == [each for each in keys if each != keys[2]]
    assert [row.key for row in await pending(harness)] == [keys[2]]
    assert await harness.store.leases.held() == {}


@pytest.fixture
async def owing(harness: RunHarness) -> FakeChannel:
    """Give a channel that takes one notice at a time, at a company with COUNT workspaces in trouble."""
    channel = FakeChannel(takes_many=False)
    await harness.seed([a_workspace(f"ws-{n}") for n in range(COUNT)], [])
    await look(harness, an_alarm(channel), "first")
    harness.clock.advance(timedelta(minutes=1))
    trip = Trip(reason=BreakerReason.ERROR_RATE, checks=6, errors=6)
    for n in range(COUNT):
        closed = Breaker(key=BreakerKey(BreakerScope.WORKSPACE, f"ws-{n}"))
        opened = closed.trip(harness.clock.now(), trip, policy=BreakerPolicy(cooldown=timedelta(hours=1)))
        assert await harness.store.breakers.save(opened, expected_generation=0)
    return channel


@AFTER
@pytest.mark.parametrize("reason", ["stop", "deadline"])
async def test_no_alert_is_sent_after_the_stop_and_the_rest_is_sent_once(
    harness: RunHarness, owing: FakeChannel, reason: str, after: int
) -> None:
    is_stopped = reason == "stop" and after == 0

    def stop() -> None:
        nonlocal is_stopped
        if len(owing.messages) == after and reason == "stop":
            is_stopped = True
        if len(owing.messages) == after and reason == "deadline":
            harness.clock.advance(timedelta(seconds=2))

    save = harness.store.alerts.save

    async def saved(alerts: Any) -> frozenset[str]:
        found = await save(alerts)
        if not owing.messages:
            stop()
        return found

    owing.on_delivery = stop
    store = harness.with_(alerts=Wrapped(harness.store.alerts, save=saved))
    await notify(
        an_alarm(owing),
        holder="second",
        store=store,
        clock=harness.clock,
        telemetry=harness.ear,
        may_begin=lambda: not is_stopped,
    )
    told = list(owing.told)
    owing.on_delivery = lambda: None
    leases = await harness.store.leases.held()
    await look(harness, an_alarm(owing), "third")

    assert len(told) == after
    assert leases == {}
    assert (await harness.store.alerts.channels())[owing.name].failures == 0
    assert len(owing.told) == len(set(owing.told)) == COUNT


async def test_a_run_that_gets_sigterm_during_a_notification_starts_no_other(
    harness: RunHarness, owing: FakeChannel
) -> None:
    owing.on_delivery = lambda: harness.stop.terminate()  # noqa: PLW0108 - each run has a stop of its own
    harness.notifier = an_alarm(owing)

    await harness.run()

    assert len(owing.messages) == 1


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_a_canceled_run_emits_no_other_event(harness: RunHarness, after: int) -> None:
    port = MemoryMirror()
    emit = port.announce

    async def announce(announcement: Announcement) -> None:
        if len(port.announced) == after:
            raise asyncio.CancelledError
        await emit(announcement)

    port.announce = announce  # type: ignore[method-assign]
    mirror = Mirror(port=port, clock=harness.clock, random=random.Random(1), telemetry=harness.ear)
    for n in range(3):
        mirror.announce(Announcement(reason="OrderObeyed", text=str(n)), harness.store.breakers)

    with pytest.raises(asyncio.CancelledError):
        await mirror.publish_run(harness.store.breakers, None)
    await mirror.close()

    assert [each.text for each in port.announced] == [str(n) for n in range(after)]
