"""From which figure on operators are told, and how long a channel that fails is left alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from reconcile.domain.alert import AlertPolicy, Condition, ConditionKind
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.errors import AlertNotDelivered, ErrorClass
from reconcile.ports import Backfills, ChannelState, RunRow
from tests.services.fakes import failure
from tests.services.list_ports import NoPlans
from tests.services.notifications import FakeChannel, an_alarm, look
from tests.services.run_harness import RunHarness
from tests.services.stub_store import NOW, Stub, healthy, run_row
from tests.use_cases import conditions

SECOND = timedelta(seconds=1)
PAUSES = [30, 60, 120, 240, 480, 600, 600]
"""Seconds after each failure in a row of a channel."""


async def conditions_of_kind(rows: Sequence[RunRow], kind: ConditionKind, **policy: Any) -> list[Condition]:
    """Return the conditions of one kind that follow from these runs, newest first."""
    store = replace(Stub(runs=rows).store(), backfills=cast("Backfills", NoPlans()))
    all_of_them = await conditions(
        store, now=NOW, policy=AlertPolicy(**policy), breaker=BreakerPolicy(), planned=PlannedCadence()
    )
    return [each for each in all_of_them if each.kind is kind]


@pytest.mark.parametrize(("count", "is_told"), [(2, False), (3, True), (4, True)])
async def test_meetings_at_risk_are_notified_from_the_configured_number(count: int, *, is_told: bool) -> None:
    rows = [run_row("run-1", report=healthy(appointmentsAtRisk24h=count))]

    told = await conditions_of_kind(rows, ConditionKind.APPOINTMENTS_AT_RISK, at_risk=3)

    assert [each.size for each in told] == ([count] if is_told else [])


@pytest.mark.parametrize(("counts", "is_told"), [((1, 1, 0), False), ((1, 1, 1), True), ((0, 3), True), ((2,), False)])
async def test_quarantines_of_an_hour_are_summed_over_its_runs(counts: Sequence[int], *, is_told: bool) -> None:
    """A run that ended longer ago than that counts no more."""
    rows = [
        run_row(f"run-{number}", minutes_ago=number + 1, report=healthy(quarantined=count))
        for number, count in enumerate(counts)
    ]
    long_ago = run_row("long-ago", minutes_ago=61, report=healthy(quarantined=9))

    told = await conditions_of_kind([*rows, long_ago], ConditionKind.QUARANTINE_GROWTH, quarantined=3)

    assert [each.size for each in told] == ([sum(counts)] if is_told else [])


async def test_the_pause_of_a_failing_channel_doubles(harness: RunHarness) -> None:
    """Up to ten minutes; one confirmed message begins the count anew."""
    await harness.fill([5, 5, 5])
    await harness.run()
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    await harness.run(then=SECOND)
    channel = FakeChannel(trouble=AlertNotDelivered("slack answered 500"))
    notifier = an_alarm(channel)

    async def remembered() -> ChannelState:
        return (await harness.store.alerts.channels())["slack"]

    for number, pause in enumerate(PAUSES, start=1):
        await look(harness, notifier, f"due-{number}")
        state = await remembered()
        assert (state.failures, state.not_before) == (number, harness.clock.now() + pause * SECOND)
        harness.clock.advance((pause - 1) * SECOND)
        await look(harness, notifier, f"early-{number}")
        assert await remembered() == state
        harness.clock.advance(SECOND)
    channel.trouble = None
    await look(harness, notifier, "well")
    state = await remembered()

    assert (state.failures, state.failing_since, state.fault, state.not_before) == (0, None, None, None)
    assert len(channel.messages) == 1
