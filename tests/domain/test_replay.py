"""A replay decides as the breakers of a run do: what is recorded in full comes out as it happened."""

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.breaker.breaker import Breaker, BreakerPolicy, BreakerState
from reconcile.domain.breaker.window import Fault, SuspectOutcome
from reconcile.domain.ids import RunId, WorkspaceId
from reconcile.domain.replay.replay import BreakerReplay
from reconcile.domain.replay.result import ReplayResult
from reconcile.errors import ErrorClass
from tests.domain.breaker_games import MINUTE, Game
from tests.domain.factories import NOW

FAULTS: list[Fault] = [
    ErrorClass.CONTRACT,
    ErrorClass.TIMEOUT,
    ErrorClass.UNAVAILABLE,
    ErrorClass.CREDENTIAL,
    ErrorClass.INTERNAL,
    SuspectOutcome.ABSENT,
]
POLICY = BreakerPolicy()


def replay_of(game: Game, policy: BreakerPolicy) -> BreakerReplay:
    replay = BreakerReplay(policy=policy)
    for number, record in enumerate(game.records):
        if replay.needs_calls(began_at=NOW + MINUTE * number, is_quiet=record.is_quiet):
            replay.add(RunId(f"run-{number}"), json.loads(json.dumps(record.document)))
        else:
            replay.add_quiet(calls=record.calls, checks=record.checks, errors=record.errors)
    return replay


def result_of(replay: BreakerReplay) -> ReplayResult:
    return replay.result(since=NOW, until=NOW + MINUTE, in_force=POLICY)


def shown(breakers: Iterable[Breaker]) -> list[Breaker]:
    """Return the breakers that are not closed, without how often each has moved."""
    return [replace(each, generation=0) for each in breakers if each.state is not BreakerState.CLOSED]


@st.composite
def games(draw: st.DrawFn) -> Game:
    seed = draw(st.integers(0, 10_000))
    chance = draw(st.sampled_from([0.02, 0.2, 0.6, 1.0]))
    fault = draw(st.sampled_from(FAULTS))
    workspaces = draw(st.integers(1, 6))
    sick = draw(st.integers(0, workspaces))
    first, last = draw(st.integers(0, 3)), draw(st.integers(2, 6))

    def truth(workspace_id: WorkspaceId, tick: int, rng: random.Random) -> Fault:
        is_sick = int(workspace_id[3:]) < sick and first <= tick < last
        return fault if is_sick and rng.random() < chance else None

    return Game(
        seed=seed,
        workspaces=workspaces,
        leads=draw(st.integers(1, 12)),
        truth=truth,
        policy=replace(
            POLICY,
            error_rate=draw(st.sampled_from([0.2, 0.5, 0.9])),
            min_checks=draw(st.integers(1, 8)),
            cooldown=draw(st.sampled_from([timedelta(seconds=45), timedelta(minutes=3)])),
            is_enforced=draw(st.booleans()),
        ),
    )


@given(games())
def test_under_the_thresholds_in_force_a_replay_comes_to_what_happened(game: Game) -> None:
    game.play(8)
    replay = replay_of(game, game.policy)

    result = result_of(replay)

    assert result.replayed == result.happened
    assert shown(replay.breakers.breakers.values()) == shown(game.stored)
    if not game.policy.is_enforced:
        assert {(t.run_id, t.breaker) for t in result.happened} == {
            (f"run-{n}", name) for n, names in enumerate(game.opened) for name in names
        }
    totals = result.totals
    assert (totals.saved_calls, totals.unknown_calls, totals.unknown_runs, totals.uncertain_trips) == (0, 0, 0, 0)
    assert totals.runs == 8
    assert totals.calls == sum(each.calls for each in game.records)
    assert totals.errors == sum(each.errors for each in game.records)
