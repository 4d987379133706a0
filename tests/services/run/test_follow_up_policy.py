"""Which changes have follow-ups, and which follow-ups are not delivered any more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.planning.follow_ups import FollowUpMode, FollowUpPolicy
from tests.services.fakes import FakeSink, a_workspace
from tests.services.run_harness import RunHarness, booked
from tests.use_cases import RunPolicy

DAY = timedelta(days=1)
FAR = timedelta(days=90)


async def entered(harness: RunHarness) -> None:
    lead = booked("lead-0", "ws-0")
    await harness.seed([a_workspace("ws-0")], [lead])
    harness.ghl.appointments = {each.id: each for each in lead.appointments}


def cancel(harness: RunHarness) -> None:
    (found,) = harness.ghl.appointments.values()
    at = harness.clock.now()
    harness.ghl.appointments[found.id] = replace(found, status=AppointmentStatus.CANCELED, canceled_at=at)


def policy(mode: FollowUpMode = FollowUpMode.KNOWN, *, needs_webhook: bool = True) -> RunPolicy:
    return RunPolicy(follow_ups=FollowUpPolicy(mode=mode, expiry=DAY, needs_webhook=needs_webhook))


@pytest.mark.parametrize(
    ("mode", "first", "later"),
    [(FollowUpMode.OFF, 0, 0), (FollowUpMode.KNOWN, 0, 1), (FollowUpMode.ALL, 1, 1)],
)
@pytest.mark.parametrize("is_verified", [False, True])
async def test_what_a_lead_had_before_it_was_checked_first_is_no_news(
    harness: RunHarness, mode: FollowUpMode, first: int, later: int, is_verified: bool
) -> None:
    await entered(harness)
    harness.policy, harness.sink = policy(mode), FakeSink()
    if is_verified:
        await harness.run()
    cancel(harness)

    report = await harness.run()

    assert report.canceled_found == 1
    assert report.effects_delivered == (later if is_verified else first)
    assert sum(report.effects_created.values()) == report.effects_delivered


async def test_only_what_is_created_after_the_webhook_was_set_is_sent(harness: RunHarness) -> None:
    await entered(harness)
    harness.policy = policy()
    await harness.run()
    cancel(harness)

    without = await harness.run()
    harness.sink = FakeSink()
    after = await harness.run()
    (row,) = await harness.store.outbox.given_up()

    assert (without.effects_dropped, without.effects_pending) == (1, 0)
    assert (after.effects_delivered, after.effects_dropped) == (0, 0)
    assert row.reason == "no webhook was configured when it was created"

    await harness.store.outbox.retry([row.key], at=harness.clock.now())
    assert (await harness.run()).effects_delivered == 1


async def test_a_follow_up_that_is_too_old_is_dropped_and_counted(harness: RunHarness) -> None:
    await entered(harness)
    harness.policy = policy(needs_webhook=False)
    await harness.run()
    cancel(harness)
    await harness.run(then=DAY + timedelta(minutes=1))
    harness.sink = FakeSink()

    report = await harness.run(then=DAY)
    (row,) = await harness.store.outbox.given_up()

    assert (report.effects_delivered, report.effects_dropped, report.effects_pending) == (0, 1, 0)
    assert row.reason == "expired: it was not delivered in time"

    await harness.store.outbox.retry(None, at=harness.clock.now())
    assert (await harness.run()).effects_delivered == 1


async def test_nothing_is_sent_while_follow_ups_are_off(harness: RunHarness) -> None:
    await entered(harness)
    harness.policy = policy(needs_webhook=False)
    await harness.run()
    cancel(harness)
    await harness.run()
    harness.policy, harness.sink = policy(FollowUpMode.OFF), FakeSink()

    report = await harness.run()

    assert (report.effects_delivered, report.effects_pending) == (0, 1)


async def test_a_dry_run_drops_nothing(harness: RunHarness) -> None:
    await entered(harness)
    harness.policy = policy(needs_webhook=False)
    await harness.run()
    cancel(harness)
    await harness.run(then=FAR)

    report = await harness.run(dry_run=True)

    assert (report.effects_dropped, report.effects_pending) == (0, 1)
