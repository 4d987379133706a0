"""Replays of ledgers whose figures can be worked out by hand, on both databases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerScope,
)
from reconcile.domain.breaker.events import Refusal
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId
from reconcile.domain.replay.recorder import CallRecord, CallRecorder
from reconcile.domain.replay.result import ReplayResult
from reconcile.domain.run.report import Trigger
from reconcile.errors import ErrorClass, RequestError
from reconcile.ports import Store
from tests.contracts.test_ledger import REPORT
from tests.stores import NOW
from tests.use_cases import BreakerRegistry, ControlsLeft, Fault, ReplayRequest, TooManyCalls, replay_breakers

GHL = ProviderName.HIGHLEVEL
LOOKUP = Lookup(provider=GHL, operation=Operation.APPOINTMENT)
PROVIDER = BreakerKey(BreakerScope.PROVIDER, "ghl")
SHADOW = BreakerPolicy(is_enforced=False)
POLICY = BreakerPolicy()
MINUTE = timedelta(minutes=1)
DOWN = ErrorClass.UNAVAILABLE
Truth = Callable[[int, int], Fault]
"""What a call comes to, by its workspace's number and its own."""


@dataclass
class Made:
    """Runs of workspaces that are asked in turn, one call after the other, and recorded into a ledger."""

    store: Store
    policy: BreakerPolicy = SHADOW
    workspaces: int = 2
    stored: Sequence[Breaker] = ()
    made: int = 0
    at: datetime = NOW
    refused: int = 0
    happened: list[str] = field(default_factory=list)

    async def run(
        self, calls: int, truth: Truth, *, trigger: Trigger = Trigger.SCHEDULE, most_calls: int = 999
    ) -> None:
        recorder, run_id, now = CallRecorder(most_calls=most_calls), RunId(f"run-{self.made}"), self.at
        registry = BreakerRegistry(self.stored, policy=self.policy, run_id=run_id, batch_size=50)
        registry.subscribe(recorder.note)
        registry.begin({WorkspaceId(f"ws-{n}"): frozenset({GHL}) for n in range(self.workspaces)}, now)
        for call in range(calls):
            number = call % self.workspaces
            admission = registry.admit(WorkspaceId(f"ws-{number}"), LOOKUP, now)
            if isinstance(admission, Refusal):
                self.refused += 1
                continue
            registry.record(admission, truth(number, call), now)
            for key in list(registry.suspects):
                registry.answer_controls(key, (), now, left=ControlsLeft.NONE)
        registry.end(now)
        self.happened += registry.would_trip
        await self.store.ledger.begin_run(run_id, started_at=now, trigger=trigger, version="1")
        await self.store.ledger.finish_run(
            replace(REPORT, run_id=run_id, trigger=trigger, timestamp=now), {}, recorder.record()
        )
        self.stored, self.made, self.at = tuple(registry.breakers()), self.made + 1, self.at + MINUTE


async def replayed(
    store: Store, *, only: BreakerKey | None = None, most: int | None = None, **changed: object
) -> ReplayResult:
    policy = replace(POLICY, **changed)  # type: ignore[arg-type]
    request = ReplayRequest(since=NOW, until=NOW + timedelta(hours=1), policy=policy, in_force=POLICY, only=only)
    return await replay_breakers(store.ledger, request, most_calls=most)


def never(_: int, __: int) -> Fault:
    return None


def from_call(first: int) -> Truth:
    return lambda _, call: DOWN if call >= first else None


def every(nth: int) -> Truth:
    return lambda _, call: DOWN if call % nth == nth - 1 else None


@pytest.mark.parametrize(
    ("truth", "rate", "trips_after"),
    [
        (from_call(20), 0.5, 30),  # 10 of the last 20 checks
        (from_call(20), 0.7, 39),  # suspected at 14 of the last 20; later calls are its controls, and decide
        (from_call(20), 0.9, 40),
        (from_call(0), 0.5, 5),  # the least number of checks
        (from_call(0), 0.9, 5),
        (every(1), 0.5, 5),
    ],
)
async def test_a_provider_trips_at_the_call_that_reaches_the_rate(
    store: Store, truth: Truth, rate: float, trips_after: int
) -> None:
    await Made(store).run(60, truth)

    result = await replayed(store, error_rate=rate)

    (trip,) = [each for each in result.replayed if each.breaker == str(PROVIDER)]
    assert (trip.run_id, trip.at, trip.after_calls) == ("run-0", NOW, trips_after)
    failing = sum(truth(call % 2, call) is not None for call in range(60))
    failed_before = sum(truth(call % 2, call) is not None for call in range(trips_after))
    assert (result.totals.calls, result.totals.errors) == (60, failing)
    assert (result.totals.saved_calls, result.totals.saved_errors) == (60 - trips_after, failing - failed_before)
    assert (result.totals.lost_checks, result.totals.unknown_calls) == (0, 0)


@pytest.mark.parametrize(("rate", "is_reached"), [(0.25, True), (0.41, False), (0.5, False)])
async def test_at_a_constant_error_rate_breakers_trip_with_a_lower_threshold(
    store: Store, rate: float, is_reached: bool
) -> None:
    await Made(store).run(60, every(3))

    result = await replayed(store, error_rate=rate)

    assert bool(result.replayed) is is_reached
    assert (result.totals.errors, result.totals.saved_errors > 0) == (20, is_reached)
    assert result.totals.saved_calls == result.totals.saved_errors + result.totals.lost_checks


async def test_calls_refused_in_the_recorded_run_have_unknown_results(store: Store) -> None:
    made = Made(store, policy=POLICY)
    await made.run(60, from_call(20))

    same, later = await replayed(store), await replayed(store, error_rate=0.9)

    assert made.refused == 30
    assert same.replayed == same.happened != ()
    assert (same.totals.unknown_calls, same.totals.unknown_runs) == (0, 0)
    assert later.replayed == ()
    assert (later.totals.errors, later.totals.saved_errors) == (10, 0)
    assert (later.totals.unknown_calls, later.totals.unknown_runs) == (30, 1)
    (provider,) = later.breakers
    assert (provider.breaker, provider.unknown_calls, provider.trips_happened) == (str(PROVIDER), 30, 1)


@pytest.mark.parametrize(
    ("cooldown", "errors"),
    [
        (timedelta(seconds=45), [5, 2, 2, 2, 2]),  # both workspaces are probed in each run
        (timedelta(seconds=150), [5, 0, 0, 2, 0]),  # a probe is due after 150 s, and 150 s later
        (timedelta(hours=1), [5, 0, 0, 0, 0]),
    ],
)
async def test_a_longer_cooldown_saves_probes(store: Store, cooldown: timedelta, errors: Sequence[int]) -> None:
    made = Made(store)
    for _ in range(5):
        await made.run(20, from_call(0))

    result = await replayed(store, cooldown=cooldown)

    assert result.totals.errors == 100
    assert result.totals.errors - result.totals.saved_errors == sum(errors)
    assert (result.totals.trips_replayed, result.totals.trips_happened) == (1, len(made.happened))


async def test_lost_checks_of_a_run_without_failures_are_counted(store: Store) -> None:
    made = Made(store)
    await made.run(20, from_call(0))
    await made.run(20, never)

    result = await replayed(store, cooldown=timedelta(hours=1))

    assert (result.totals.calls, result.totals.errors) == (40, 20)
    assert (result.totals.saved_errors, result.totals.lost_checks) == (15, 20)
    assert [(each.breaker, each.saved_calls) for each in result.breakers if each.saved_calls] == [(str(PROVIDER), 35)]


async def test_runs_without_a_readable_record_are_left_out_and_counted(store: Store) -> None:
    made = Made(store)
    await made.run(10, from_call(0))
    await store.ledger.begin_run(RunId("killed"), started_at=NOW, trigger="schedule", version="1")
    unread: dict[str, dict[str, Any]] = {"newer": {"v": 99}, "damaged": {"v": 1, "startedAt": NOW.isoformat()}}
    for name, document in unread.items():
        calls = CallRecord(calls=1, checks=1, errors=1, is_quiet=False, is_shadow=False, document=document)
        await store.ledger.finish_run(replace(REPORT, run_id=RunId(name), timestamp=made.at), {}, calls)
    await made.run(10, from_call(0), trigger=Trigger.BACKFILL)

    totals = (await replayed(store)).totals

    assert (totals.runs, totals.unrecorded_runs, totals.calls) == (1, 3, 10)


async def test_a_replay_without_records_says_so(store: Store) -> None:
    with pytest.raises(RequestError, match=r"^there is no run since 2025-\S+ \S+ UTC; give an earlier --since$"):
        await replayed(store)
    await store.ledger.begin_run(RunId("old"), started_at=NOW, trigger="schedule", version="1")

    with pytest.raises(RequestError, match=r"none of the 1 runs since .* has a record of its calls"):
        await replayed(store)


async def test_calls_beyond_the_recorded_number_are_reported_as_unknown(store: Store) -> None:
    await Made(store).run(60, from_call(20), most_calls=25)

    totals = (await replayed(store)).totals

    assert (totals.cut_runs, totals.unknown_runs, totals.calls, totals.trips_replayed) == (1, 1, 25, 0)


async def test_a_replay_can_be_limited_to_one_breaker(store: Store) -> None:
    await Made(store).run(60, from_call(20))

    result = await replayed(store, only=BreakerKey(BreakerScope.WORKSPACE, "ws-0/ghl"))

    assert (result.breakers, result.replayed, result.totals.saved_calls) == ((), (), 0)


async def test_a_replay_of_too_many_calls_is_refused_with_their_number(store: Store) -> None:
    made = Made(store)
    await made.run(20, never)
    await made.run(20, from_call(0))

    assert (await replayed(store, most=20)).totals.calls == 40
    with pytest.raises(TooManyCalls, match="more than 19 calls would have to be replayed"):
        await replayed(store, most=19)


async def test_a_run_is_recorded_once(store: Store) -> None:
    call = CallRecord(calls=1, checks=1, errors=0, is_quiet=True, is_shadow=True, document={"v": 1})
    await store.ledger.finish_run(REPORT, {}, call)
    await store.ledger.finish_run(REPORT, {}, replace(call, calls=2, document={"v": 2}))

    assert await store.ledger.call_record(REPORT.run_id) == {"v": 1}
    (row,) = await store.ledger.run_calls(since=REPORT.timestamp - timedelta(hours=1))
    assert (row.run_id, row.is_recorded, row.is_quiet, row.is_shadow, row.calls, row.checks, row.errors) == (
        REPORT.run_id,
        True,
        True,
        True,
        1,
        1,
        0,
    )
    assert await store.ledger.run_calls(since=REPORT.timestamp - timedelta(hours=1), after=row) == []
