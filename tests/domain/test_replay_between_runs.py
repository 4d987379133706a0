"""What passes from run to run in a replay: operators' orders, what no record explains, and runs beside each other."""

from dataclasses import replace
from datetime import datetime, timedelta

from reconcile.domain.breaker.breaker import Breaker, BreakerPolicy, BreakerReason, BreakerState
from reconcile.domain.breaker.events import Admission
from reconcile.domain.breaker.keys import provider_key
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.ids import RunId, WorkspaceId
from reconcile.domain.replay.recorder import CallRecord, CallRecorder
from reconcile.domain.replay.replay import BreakerReplay
from reconcile.domain.replay.result import ReplayResult
from reconcile.errors import ErrorClass
from tests.domain.breaker_games import GHL, LOOKUP, Game
from tests.domain.factories import NOW

POLICY = BreakerPolicy()
SECOND = timedelta(seconds=1)


def a_dead_provider() -> Game:
    return Game(seed=3, workspaces=4, leads=6, truth=lambda *_: ErrorClass.UNAVAILABLE)


def replayed(records: list[CallRecord], policy: BreakerPolicy = POLICY) -> ReplayResult:
    replay = BreakerReplay(policy=policy)
    for number, record in enumerate(records):
        replay.add(RunId(f"run-{number}"), record.document)
    return replay.result(since=NOW, until=NOW, in_force=POLICY)


def reset(breaker: Breaker) -> Breaker:
    return breaker.close(NOW + SECOND, reason=BreakerReason.MANUAL_RESET)


def test_a_breaker_that_an_operator_has_reset_is_closed_in_a_replay_too() -> None:
    game = a_dead_provider().play(1)
    game.stored = tuple(reset(each) for each in game.stored)
    game.play(1)

    result = replayed(game.records)

    assert result.replayed == result.happened
    assert {each.run_id for each in result.replayed if each.breaker == "provider:ghl"} == {"run-0", "run-1"}


def test_a_trip_of_a_run_without_a_record_is_adopted() -> None:
    game = a_dead_provider().play(3)
    assert game.state() is not BreakerState.CLOSED

    result = replayed(game.records[1:])

    assert [each for each in result.replayed if each.breaker == "provider:ghl"] == []
    assert (result.totals.saved_calls, result.totals.unknown_calls) == (0, 0)


class Shard:
    """A run that is recorded call by call at instants that a test names."""

    def __init__(self, at: datetime) -> None:
        self.recorder = CallRecorder()
        self.registry = BreakerRegistry((), policy=POLICY, run_id=RunId("shard"), batch_size=50)
        self.registry.subscribe(self.recorder.note)
        self.registry.begin({WorkspaceId(name): frozenset({GHL}) for name in ("a", "b")}, at)

    def call(self, at: datetime, *, fails: bool = False, times: int = 1) -> None:
        for number in range(times):
            admission = self.registry.admit(WorkspaceId("ab"[number % 2]), LOOKUP, at)
            assert isinstance(admission, Admission)
            self.registry.record(admission, ErrorClass.UNAVAILABLE if fails else None, at)

    def end(self, at: datetime) -> CallRecord:
        self.registry.end(at)
        record = self.recorder.record()
        assert record is not None
        return record


def test_runs_of_shards_are_replayed_concurrently() -> None:
    """The second began before the first tripped, so it knew nothing of that; the third began after it."""
    first, second = Shard(NOW), Shard(NOW + 10 * SECOND)
    first.call(NOW + 20 * SECOND, fails=True, times=3)
    second.call(NOW + 25 * SECOND, times=4)
    third = Shard(NOW + 30 * SECOND)
    third.call(NOW + 31 * SECOND, times=4)
    records = [first.end(NOW + 40 * SECOND), second.end(NOW + 40 * SECOND), third.end(NOW + 40 * SECOND)]

    result = replayed(records, replace(POLICY, min_checks=3))

    (trip,) = result.replayed
    assert (trip.breaker, trip.run_id, trip.at) == (str(provider_key(GHL)), "run-0", NOW + 20 * SECOND)
    assert (result.totals.calls, result.totals.saved_calls, result.totals.lost_checks) == (11, 4, 4)
