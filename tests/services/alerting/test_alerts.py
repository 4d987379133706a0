"""When operators are told: within the run that trips, once, and of the end; whatever dies on the way."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.alert import ConditionKind, News
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import AlertNotDelivered, ErrorClass, StoreUnavailable
from tests.services.fakes import failure
from tests.services.notifications import GHL_TRIPPED, FakeChannel, an_alarm, heal, look, seven
from tests.services.run_harness import TICK, RunHarness, Wrapped
from tests.use_cases import notify

pytestmark = pytest.mark.integration


async def test_a_trip_is_notified_and_a_close_with_its_duration(harness: RunHarness, channel: FakeChannel) -> None:
    tripped_at = harness.clock.now()
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    await harness.run()
    after_the_trip = list(channel.told)
    await harness.run()
    await heal(harness)

    assert after_the_trip == [(News.NEW, GHL_TRIPPED)]
    assert channel.told == [(News.NEW, GHL_TRIPPED), (News.RECOVERED, GHL_TRIPPED)]
    new, over = (message.notices[0].alert for message in channel.messages)
    assert (new.since, new.condition.text) == (
        tripped_at,
        "GoHighLevel: responses lack a required field",
    )
    assert over.over_at is not None
    assert over.lasted(over.over_at) == 3 * TICK
    assert over.saved_calls > new.saved_calls > 0
    assert harness.reports[-1].health.value == "healthy"


async def test_all_notices_of_a_run_are_one_message_most_severe_first(
    harness: RunHarness, channel: FakeChannel
) -> None:
    parked = [lead for lead in harness.ghl.asked if not lead.startswith("ws-2")]
    harness.ghl.verdicts = {lead: failure(ErrorClass.CREDENTIAL) for lead in parked}
    await harness.run(store=harness.with_(leads=Wrapped(harness.store.leads, at_risk_count=seven)))

    assert len(channel.messages) == 1
    kinds = [each.alert.condition.kind for each in channel.messages[0].notices]
    assert kinds == sorted(kinds, key=list(ConditionKind).index)
    assert kinds.count(ConditionKind.PARKED_WORKSPACE) == 2
    assert kinds[-1] is ConditionKind.APPOINTMENTS_AT_RISK


async def test_a_parked_workspace_is_notified_with_its_id_and_a_command(
    harness: RunHarness, channel: FakeChannel
) -> None:
    harness.ghl.verdicts = {
        lead: failure(ErrorClass.CREDENTIAL) for lead in harness.ghl.asked if lead.startswith("ws-1")
    }
    await harness.run()

    (notice,) = (each for message in channel.messages for each in message.notices)
    assert notice.alert.key == "parked_workspace:ws-1/ghl"
    assert notice.alert.condition.commands[0] == "reconcile explain workspace ws-1"


async def test_after_a_kill_following_the_delivery_the_notice_repeats_with_the_same_key(
    harness: RunHarness, channel: FakeChannel
) -> None:
    class Killed(BaseException):
        pass

    harness.ghl.always = failure(ErrorClass.CONTRACT)
    saved = harness.store.alerts.save
    calls: list[int] = []

    async def save(moved: Sequence[Any]) -> frozenset[str]:
        calls.append(len(moved))
        if len(calls) == 2:
            raise StoreUnavailable("killed")
        return await saved(moved)

    await harness.run(store=harness.with_(alerts=Wrapped(harness.store.alerts, save=save)))
    await harness.run()
    await harness.run()

    assert channel.told == [(News.NEW, GHL_TRIPPED)] * 2
    assert len({message.notices[0].key for message in channel.messages}) == 1
    assert len({message.key for message in channel.messages}) == 1


async def test_after_a_kill_before_delivery_the_next_run_notifies(harness: RunHarness, channel: FakeChannel) -> None:
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    channel.trouble = asyncio.CancelledError()
    await harness.run()
    channel.trouble = None
    await harness.run()

    assert channel.told == [(News.NEW, GHL_TRIPPED)]


async def test_a_recovered_channel_is_notified_of_an_alert_that_began_and_ended_in_between(
    harness: RunHarness, channel: FakeChannel
) -> None:
    channel.trouble = AlertNotDelivered("slack answered 500")
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    await harness.run()
    await heal(harness)
    channel.trouble = None
    harness.clock.advance(timedelta(minutes=8))
    await harness.run()

    assert channel.told == [(News.RECOVERED, GHL_TRIPPED)]


async def test_a_dead_channel_fails_no_run_delays_no_other_and_is_paused(
    harness: RunHarness, channel: FakeChannel
) -> None:
    well = FakeChannel("email")
    harness.notifier = an_alarm(channel, well)
    channel.trouble = AlertNotDelivered("slack answered 429", retry_after=timedelta(minutes=3))
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    reports = [await harness.run() for _ in range(3)]
    state = (await harness.store.alerts.channels())["slack"]
    channel.trouble = None
    await harness.run()

    assert all(report.success for report in reports)
    assert well.told == [(News.NEW, GHL_TRIPPED)]
    assert (state.failures, state.fault) == (1, "slack answered 429")
    assert channel.told == [(News.NEW, GHL_TRIPPED)]
    assert (await harness.store.alerts.channels())["slack"].fault is None


async def test_concurrent_confirmations_are_all_stored(harness: RunHarness, channel: FakeChannel) -> None:
    others = [FakeChannel(name) for name in ("email", "webhook", "pagerduty")]
    harness.notifier = an_alarm(channel, *others)
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    for _ in range(3):
        await harness.run()

    assert [each.told for each in (channel, *others)] == [[(News.NEW, GHL_TRIPPED)]] * 4


async def test_a_bug_in_a_channel_fails_only_that_channel(harness: RunHarness, channel: FakeChannel) -> None:
    broken = FakeChannel("email", trouble=ZeroDivisionError("c4n4ry"))
    harness.notifier = an_alarm(broken, channel)
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    report = await harness.run()

    assert report.success
    assert channel.told == [(News.NEW, GHL_TRIPPED)]
    assert "alert.bug" in harness.ear.events


async def test_a_failing_alert_store_costs_only_the_notification(harness: RunHarness, channel: FakeChannel) -> None:
    async def load(**_: Any) -> Sequence[Any]:
        raise StoreUnavailable("away")

    harness.ghl.always = failure(ErrorClass.CONTRACT)
    report = await harness.run(store=harness.with_(alerts=Wrapped(harness.store.alerts, load=load)))

    assert report.circuit_broken
    assert "alerts.not_told" in harness.ear.events


async def test_a_channel_that_ignores_its_deadline_ends_with_the_budget(
    harness: RunHarness, channel: FakeChannel
) -> None:
    harness.notifier = replace(an_alarm(channel), budget=timedelta(seconds=0.5))
    channel.hangs = True
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    report = await harness.run()
    channel.hangs = False
    await harness.run()

    assert report.success
    assert "alerts.out_of_time" in harness.ear.events
    assert channel.told == [(News.NEW, GHL_TRIPPED)]


async def test_concurrent_runs_notify_each_condition_once(harness: RunHarness, channel: FakeChannel) -> None:
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    notifier, harness.notifier = harness.notifier, None
    await harness.run()
    for n in range(4):
        await asyncio.gather(*(look(harness, notifier, f"run-{n}-{m}") for m in range(3)))

    assert channel.told == [(News.NEW, GHL_TRIPPED)]


@pytest.mark.parametrize("asked", [{"dry_run": True}, {"workspace": WorkspaceId("ws-1")}])
async def test_a_dry_run_and_a_run_of_one_workspace_notify_nothing(
    harness: RunHarness, channel: FakeChannel, asked: dict[str, Any]
) -> None:
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    before = await harness.store.alerts.load(since=harness.clock.now())
    await harness.run(**asked)

    assert channel.messages == []
    assert await harness.store.alerts.load(since=harness.clock.now()) == before


async def test_without_alerts_nothing_is_written(harness: RunHarness, channel: FakeChannel) -> None:
    async def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError

    guarded = harness.with_(
        alerts=Wrapped(harness.store.alerts, save=refuse, save_channel=refuse),
        leases=Wrapped(harness.store.leases, acquire=refuse),
    )
    await notify(harness.notifier, holder="run-9", store=guarded, clock=harness.clock, telemetry=harness.ear)

    assert "alerts.not_told" not in harness.ear.events
