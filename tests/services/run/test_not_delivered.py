"""A follow-up or an alert that was not confirmed is not noted as delivered, and goes out later."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.run.stop_reason import StopReason
from reconcile.errors import AlertNotDelivered, ErrorClass, LeaseHeld, ProviderUnavailable
from reconcile.ports import OutboxRow, Store
from tests import samples
from tests.services.fakes import failure
from tests.services.list_ports import CountingSink, outbox_of
from tests.services.notifications import GHL_TRIPPED, FakeChannel, an_alarm, look
from tests.services.run_harness import RunHarness, Wrapped
from tests.services.write_refusals import away
from tests.use_cases import Stop

AT = 2
"""The place among the follow-ups at which something happens."""
COUNT = 5


@dataclass
class InterruptedSink(CountingSink):
    """Lets something happen while it takes the follow-up in the middle, before or after it confirms it."""

    act: Callable[[], None] = lambda: None
    is_taken: bool = True

    async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
        is_here = len(self.asked) == AT
        if is_here:
            self.act()
        if is_here and not self.is_taken:
            self.asked.append(row.key)
            raise ProviderUnavailable("the webhook answered 503", provider="webhook", operation="deliver", status=503)
        await super().deliver(row, deadline=deadline)


def terminate(stop: Stop, _: RunHarness) -> None:
    stop.terminate()


def lose(stop: Stop, _: RunHarness) -> None:
    stop.note_lease_lost()


def end_the_time(_: Stop, harness: RunHarness) -> None:
    harness.clock.advance(timedelta(seconds=51))


def lose_the_database(stop: Stop, _: RunHarness) -> None:
    stop.request(StopReason.STORE_UNAVAILABLE)


@pytest.mark.parametrize("act", [terminate, lose, end_the_time, lose_the_database])
@pytest.mark.parametrize("is_taken", [True, False], ids=["taken", "not taken"])
async def test_deliveries_end_with_the_run_and_only_confirmed_ones_are_marked(
    harness: RunHarness, act: Callable[[Stop, RunHarness], None], *, is_taken: bool
) -> None:
    outbox = outbox_of(COUNT)
    keys = list(outbox.rows)
    harness.sink = sink = InterruptedSink(act=lambda: act(harness.stop, harness), is_taken=is_taken)

    report = await harness.run(store=harness.with_(outbox=outbox))
    confirmed = keys[: AT + is_taken]

    assert sink.asked == keys[: AT + 1]
    assert sink.delivered == outbox.done == confirmed
    assert (report.effects_delivered, report.effects_pending) == (len(confirmed), COUNT - len(confirmed))
    assert [key for key, _ in outbox.postponements] == ([] if is_taken else [keys[AT]])

    harness.sink = again = CountingSink()
    await harness.run(store=harness.with_(outbox=outbox))

    assert again.delivered == keys[len(confirmed) :]
    assert outbox.done == keys


async def test_a_delivery_canceled_by_sigterm_is_neither_delivered_nor_postponed(
    harness: RunHarness,
) -> None:
    outbox = outbox_of(COUNT)
    keys = list(outbox.rows)

    @dataclass
    class Hanging(CountingSink):
        async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
            if len(self.asked) == AT:
                harness.stop.terminate()  # the clock is hasty: the grace for calls under way is over at once
                await asyncio.Event().wait()
            await super().deliver(row, deadline=deadline)

    harness.sink = Hanging()
    report = await harness.run(store=harness.with_(outbox=outbox))

    assert outbox.done == keys[:AT]
    assert outbox.postponements == []
    assert (report.stopped, report.effects_delivered) == ("sigterm", AT)


async def test_a_run_without_the_lease_delivers_nothing(harness: RunHarness) -> None:
    async def held(name: str, **_: Any) -> Any:
        raise LeaseHeld(f"{name} is held")

    outbox = outbox_of(COUNT)
    harness.sink = sink = CountingSink()
    await harness.run(store=harness.with_(outbox=outbox, leases=Wrapped(harness.store.leases, acquire=held)))

    assert (sink.asked, outbox.done) == ([], [])


@pytest.fixture
async def tripped(harness: RunHarness) -> RunHarness:
    """Give a company whose provider has just failed, and of which nobody was told."""
    await harness.fill([5, 5, 5])
    await harness.run()
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    await harness.run()
    return harness


def without_memory(store: Store) -> Store:
    return replace(store, alerts=Wrapped(store.alerts, save=away))


def without_confirmation(store: Store) -> Store:
    """Let the database go away between the note that something is to be told and the note that it was."""
    saves = 0

    async def save(moved: Any) -> Any:
        nonlocal saves
        saves += 1
        return await (away() if saves > 1 else store.alerts.save(moved))

    return replace(store, alerts=Wrapped(store.alerts, save=save))


def with_busy_teller(store: Store) -> Store:
    async def held(name: str, **_: Any) -> Any:
        raise LeaseHeld(f"{name} is held")

    return replace(store, leases=Wrapped(store.leases, acquire=held))


def as_it_is(store: Store) -> Store:
    return store


@dataclass(frozen=True)
class Hindrance:
    """What keeps an alert from being told or noted as told; *arrives* where the channel has it all the same."""

    name: str
    over: Callable[[Store], Store] = as_it_is
    trouble: BaseException | None = None
    arrives: bool = False


HINDRANCES = [
    Hindrance("the channel refuses", trouble=AlertNotDelivered("slack answered 500")),
    Hindrance("the delivery is cut off", trouble=asyncio.CancelledError()),
    Hindrance("the channel has a bug", trouble=ZeroDivisionError()),
    Hindrance("nothing can be noted", over=without_memory),
    Hindrance("another run is telling", over=with_busy_teller),
    Hindrance("the confirmation cannot be noted", over=without_confirmation, arrives=True),
]


@samples.cells(3)
@pytest.mark.parametrize("hindrance", HINDRANCES, ids=lambda each: each.name)
async def test_an_unconfirmed_alert_is_pending_and_notified_again(tripped: RunHarness, hindrance: Hindrance) -> None:
    """At least once: only a confirmation that was noted ends it, and then it is told no more."""
    harness = tripped
    channel = FakeChannel(trouble=hindrance.trouble)
    notifier = an_alarm(channel)
    plain, harness.store = harness.store, hindrance.over(harness.store)
    await look(harness, notifier, "run-1")
    harness.store = plain
    noted = await harness.store.alerts.load(since=harness.clock.now())
    arrived = len(channel.messages)

    assert [alert.heard for alert in noted] in ([], [{}])
    assert arrived == hindrance.arrives

    channel.trouble = None
    harness.clock.advance(timedelta(minutes=1))
    for number in range(3):
        await look(harness, notifier, f"again-{number}")
    (alert,) = await harness.store.alerts.load(since=harness.clock.now())

    assert [key for _, key in channel.told] == [GHL_TRIPPED] * (1 + arrived)
    assert list(alert.heard) == ["slack"]


async def test_notices_after_a_failure_stay_pending_and_those_before_do_not(
    harness: RunHarness,
) -> None:
    """A channel that takes one notice at a time fails at the second of two, and is not asked for more."""
    leads = await harness.fill([5, 5, 5, 5, 5])
    parked = ("ws-0", "ws-1")
    harness.ghl.verdicts = {each.id: failure(ErrorClass.CREDENTIAL) for each in leads if each.workspace_id in parked}
    await harness.run()
    channel = FakeChannel("pagerduty", takes_many=False)
    notifier = an_alarm(channel)

    def refuse_the_next() -> None:
        channel.trouble = AlertNotDelivered("pagerduty answered 500")

    channel.on_delivery = refuse_the_next
    await look(harness, notifier, "run-1")
    noted = await harness.store.alerts.load(since=harness.clock.now())
    first = [key for _, key in channel.told]
    channel.on_delivery, channel.trouble = (lambda: None), None
    harness.clock.advance(timedelta(minutes=1))
    for number in range(2):
        await look(harness, notifier, f"again-{number}")

    keys = [f"parked_workspace:{each}/ghl" for each in parked]
    assert sorted(each.key for each in noted) == keys
    assert [each.key for each in noted if each.heard] == first
    assert len(first) == 1
    assert sorted(key for _, key in channel.told) == keys
