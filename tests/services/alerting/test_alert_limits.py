"""From which figure on operators are told, and how long a channel that fails is left alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from reconcile.domain.alert import AlertPolicy, Condition, ConditionKind
from reconcile.domain.breaker.breaker import RUN_KEY, Breaker, BreakerPolicy, BreakerState
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


async def conditions_of_kind(
    rows: Sequence[RunRow], kind: ConditionKind, *, breakers: Sequence[Breaker] = (), **policy: Any
) -> list[Condition]:
    """Return the conditions of one kind that follow from these runs, newest first."""
    stub = Stub(runs=rows, breakers={each.key: each for each in breakers})
    store = replace(stub.store(), backfills=cast("Backfills", NoPlans()))
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


UNSOUND = healthy(health="unhealthy", errors=7, runId="run-1")
LAST_SHARD = {"shard": "1/2"}
SILENT = ("no run has succeeded since then", "reconcile status", "reconcile doctor")


def tripped_by(run: str) -> dict[str, object]:
    return {"breakers": [{"breaker": "run", "state": "open", "trippedBy": run}]}


def of(condition: Condition) -> tuple[Any, ...]:
    """Return what identifies a condition: subject, seconds since it began, whether it is over, size."""
    return condition.subject, (NOW - condition.since) // SECOND, condition.over_at is not None, condition.size


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        ([10], []),
        ([11], [("", 650, False, 0)]),
        ([1, 11], []),
        ([1, 12], [("", 710, True, 0)]),
        ([], []),
    ],
)
async def test_silence_is_told_from_its_end_and_after_it(ago: Sequence[float], expected: Sequence[object]) -> None:
    """Ten minutes pass between the end of a run and the start of the next, or until now."""
    rows = [run_row(f"run-{number}", minutes_ago=minutes, report=healthy()) for number, minutes in enumerate(ago)]

    assert [of(each) for each in await conditions_of_kind(rows, ConditionKind.NO_SUCCESSFUL_RUN)] == expected


async def test_runs_that_fail_do_not_end_the_silence() -> None:
    """Also where the last success is further back than the runs that are usually looked at."""
    failed = [run_row(f"run-{number}", minutes_ago=number, report=UNSOUND) for number in range(1, 70)]
    never = [replace(row, report=None, finished_at=None) for row in failed]
    sound = run_row("sound", minutes_ago=70, report=healthy())

    for rows, since in (([*failed, sound], sound.finished_at), (failed, failed[-1].started_at), (never, None)):
        (told,) = await conditions_of_kind(rows, ConditionKind.NO_SUCCESSFUL_RUN)
        assert told.since == (since or never[-1].started_at)
        assert (told.text.partition(":")[0], *told.commands) == SILENT


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([UNSOUND], [("", 50, False, 7)]),
        ([healthy(), UNSOUND], []),
        ([healthy(shard="0/2"), UNSOUND | LAST_SHARD], [("1/2", 110, False, 7)]),
        (
            [UNSOUND | LAST_SHARD, UNSOUND | {"shard": "0/2"}],
            [("0/2", 110, False, 7), ("1/2", 50, False, 7)],
        ),
        ([healthy(health="degraded")], []),
        ([UNSOUND | tripped_by("run-0")], []),
        (
            [UNSOUND | tripped_by("x")],
            [("", 50, False, 7)],
        ),
    ],
)
async def test_the_newest_run_of_each_shard_says_whether_it_is_well(
    reports: Sequence[dict[str, Any]], expected: Sequence[object]
) -> None:
    """A run that opened a breaker has its alert from the breaker."""
    rows = [run_row(f"run-{number}", minutes_ago=number + 1, report=report) for number, report in enumerate(reports)]
    told = await conditions_of_kind(rows, ConditionKind.UNHEALTHY_RUN)

    assert [of(each) for each in told] == expected
    assert all(each.commands[0].startswith("reconcile explain run run-") for each in told)


async def test_bookings_that_disappeared_are_told_by_shard() -> None:
    reports = [healthy(disappeared24h=1), healthy(disappeared24h=5), healthy(disappeared24h=2, shard="1/2")]
    rows = [run_row(f"run-{number}", minutes_ago=number + 1, report=report) for number, report in enumerate(reports)]

    told = await conditions_of_kind(rows, ConditionKind.BOOKINGS_DISAPPEARED)

    assert [(*of(each), each.text.partition(" of ")[0]) for each in told] == [
        ("", 50, False, 1, "1 meeting"),
        ("1/2", 170, False, 2, "2 meetings"),
    ]


@pytest.mark.parametrize(("calls", "usual"), [([9], 0), ([9, 4], 4), ([9, 5, 1, 3], 3), ([9, 5, 1, 3, 7], 3)], ids=str)
async def test_the_calls_of_a_stopped_run_stand_beside_the_usual_number(calls: Sequence[int], usual: int) -> None:
    """It is the lower median of sound runs of the same shard."""
    rows = [run_row(f"run-{number}", report=healthy(providerCalls=count)) for number, count in enumerate(calls)]
    others = [run_row("other", report=healthy(providerCalls=99, shard="0/2")), run_row("bad", report=UNSOUND)]
    breaker = Breaker(key=RUN_KEY, state=BreakerState.OPEN, fault=ErrorClass.INTERNAL)

    (told,) = await conditions_of_kind([*rows, *others], ConditionKind.RUN_BREAKER, breakers=[breaker])

    assert told.spending is not None
    assert (told.spending.run_id, told.spending.calls, told.spending.usual_calls) == ("run-0", 9, usual)
    assert (told.subject, told.since) == ("", NOW)
