"""What is worth telling: a schedule that stands still, runs that fail, meetings at risk."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.alert import News
from reconcile.domain.breaker.breaker import RUN_KEY, Breaker, BreakerPolicy, BreakerReason, Override, OverrideKind
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.retry_state import BackoffPolicy
from reconcile.domain.run.cadence import CadenceOverride, CadenceSource
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.errors import ErrorClass
from tests.services.fakes import failure
from tests.services.notifications import GHL_TRIPPED, FakeChannel, an_alarm, heal, look, seven
from tests.services.run_harness import RunHarness, Wrapped
from tests.use_cases import document

pytestmark = pytest.mark.integration


async def test_an_interrupted_schedule_is_notified_by_the_next_successful_run(
    harness: RunHarness, channel: FakeChannel
) -> None:
    harness.clock.advance(timedelta(hours=2))
    await harness.run()
    await harness.run()

    assert channel.told == [(News.RECOVERED, "no_successful_run")]
    alert = channel.messages[0].notices[0].alert
    assert alert.over_at is not None
    assert timedelta(hours=2) <= alert.lasted(alert.over_at) < timedelta(hours=2, minutes=2)


async def test_a_lowered_cadence_that_just_ended_is_no_standstill(harness: RunHarness, channel: FakeChannel) -> None:
    now = harness.clock.now()
    await harness.store.cadences.set(
        CadenceOverride(
            every=timedelta(hours=1),
            reason="quota",
            actor="ada",
            source=CadenceSource.COMMAND,
            set_at=now,
            expires_at=now + timedelta(minutes=59),
        )
    )
    harness.clock.advance(timedelta(hours=1))
    await harness.run()

    assert channel.messages == []


async def test_a_stopped_schedule_is_detected_by_every_check(harness: RunHarness, channel: FakeChannel) -> None:
    harness.clock.advance(timedelta(minutes=20))
    await look(harness, harness.notifier, "look")
    await look(harness, harness.notifier, "look again")
    await harness.run()

    assert channel.told == [(News.NEW, "no_successful_run"), (News.RECOVERED, "no_successful_run")]


async def test_other_runs_do_not_hide_a_stopped_schedule(harness: RunHarness, channel: FakeChannel) -> None:
    """However much of it there was since: a backfill makes a run every few seconds."""
    succeeded = await harness.run()
    for number in range(100):
        harness.clock.advance(timedelta(seconds=15))
        trigger = (Trigger.BACKFILL, Trigger.UNDO, Trigger.MANUAL)[number % 3]
        await entered(harness, succeeded, f"other-{number}", trigger=trigger)
    await look(harness, harness.notifier, "look")

    assert channel.told == [(News.NEW, "no_successful_run")]
    assert channel.messages[0].notices[0].alert.since == succeeded.timestamp


async def entered(harness: RunHarness, like: RunReport, name: str, *, trigger: Trigger) -> None:
    """Enter a run that succeeded just now; one that somebody started by hand looked at one workspace."""
    workspace = WorkspaceId("ws-0") if trigger is Trigger.MANUAL else None
    report = replace(like, run_id=RunId(name), trigger=trigger, workspace=workspace, timestamp=harness.clock.now())
    await harness.store.ledger.begin_run(report.run_id, started_at=report.timestamp, trigger=trigger.value, version="1")
    await harness.store.ledger.finish_run(report, document(report))


async def test_failed_runs_behind_an_open_breaker_raise_only_the_breakers_alert(
    harness: RunHarness, channel: FakeChannel
) -> None:
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    for _ in range(20):
        await harness.run()

    assert channel.told == [(News.NEW, GHL_TRIPPED)]


async def test_meetings_at_risk_are_notified_from_a_threshold(harness: RunHarness, channel: FakeChannel) -> None:
    leads = Wrapped(harness.store.leads, at_risk_count=seven)
    await harness.run(store=harness.with_(leads=leads))
    await heal(harness)
    await heal(harness)

    assert channel.told == [(News.NEW, "appointments_at_risk"), (News.RECOVERED, "appointments_at_risk")]


async def test_an_unhealthy_run_is_notified_with_its_failures(harness: RunHarness, channel: FakeChannel) -> None:
    leads = await harness.fill({f"more-{n}": 20 for n in range(3)})
    failing = [lead.id for lead in leads if lead.id.endswith(("-018", "-019"))]
    harness.ghl.verdicts = {lead: failure(ErrorClass.UNAVAILABLE) for lead in failing}
    report = await harness.run()

    assert report.health.value == "unhealthy"
    (alert,) = (each.alert for message in channel.messages for each in message.notices)
    assert alert.key == "unhealthy_run"
    assert alert.condition.text.startswith("6 of 75 checks failed; most frequent: ghl/")
    assert alert.condition.commands == (f"reconcile explain run {RunId('run-002')}",)


async def test_quarantined_leads_are_notified_from_a_threshold_within_an_hour(
    harness: RunHarness, channel: FakeChannel
) -> None:
    harness.notifier = an_alarm(channel, quarantined=3)
    shadow = BreakerPolicy(is_enforced=False)
    harness.policy = replace(harness.policy, backoff=BackoffPolicy(quarantine_after=1), breaker=shadow)
    for lead in ("ws-0-lead-000", "ws-1-lead-000", "ws-2-lead-000"):
        harness.ghl.verdicts[LeadId(lead)] = failure(ErrorClass.UNAVAILABLE)
        await harness.run()
    harness.clock.advance(timedelta(minutes=9))
    for _ in range(60):
        harness.clock.advance(timedelta(minutes=1))
        await look(harness, harness.notifier, "look")

    told = [each for each in channel.told if each[1] == "quarantine_growth"]
    assert told == [(News.NEW, "quarantine_growth"), (News.RECOVERED, "quarantine_growth")]
    (alert,) = (each.alert for each in channel.messages[0].notices)
    assert alert.condition.text == "3 leads quarantined within an hour, each after repeated failures"


async def test_text_of_operators_is_in_no_notification(harness: RunHarness, channel: FakeChannel) -> None:
    now = harness.clock.now()
    override = Override(
        kind=OverrideKind.HOLD_OPEN, reason="call c4n4ry", actor="c4n4ry", expires_at=now + timedelta(hours=2)
    )
    held = Breaker(key=RUN_KEY).with_override(override, now, reason=BreakerReason.MANUAL_HOLD)
    await harness.store.breakers.save(held, expected_generation=0)
    await harness.run()

    (alert,) = (each.alert for message in channel.messages for each in message.notices)
    assert alert.condition.text == "the run as a whole: opened by an operator"
    assert "c4n4ry" not in repr(channel.messages)


async def test_each_shard_has_its_own_health(harness: RunHarness, channel: FakeChannel) -> None:
    failing = [lead for lead in harness.ghl.asked if lead.startswith("ws-")]
    shadow = BreakerPolicy(is_enforced=False)
    harness.policy = replace(harness.policy, breaker=shadow)
    harness.ghl.verdicts = {lead: failure(ErrorClass.UNAVAILABLE) for lead in failing}
    for index in range(2):
        await harness.run(shard=Shard(index, 2))

    keys = {key for _, key in channel.told}
    assert keys <= {"unhealthy_run:0/2", "unhealthy_run:1/2"}
    assert keys
