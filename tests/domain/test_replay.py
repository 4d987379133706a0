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
    standing = [each for each in breakers if each.state is not BreakerState.CLOSED]
    return [replace(each, generation=0) for each in sorted(standing, key=lambda each: each.key)]


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


_JSON: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3) | st.just([]) | st.just({})
)
_TAPE = st.text(alphabet="aersibpxtmcowz0123,*f-k ", max_size=30).filter(lambda tape: "*" not in tape or len(tape) < 20)


@given(games(), st.data())
def test_a_damaged_record_is_left_out_or_replayed_and_never_ends_a_replay(game: Game, data: st.DataObject) -> None:
    game.play(3)
    replay = BreakerReplay(policy=POLICY)
    for number, record in enumerate(game.records):
        document = json.loads(json.dumps(record.document))
        if data.draw(st.booleans()):
            name = data.draw(st.sampled_from(sorted(document)))
            document[name] = data.draw(_TAPE if name == "tape" else _JSON)
        if data.draw(st.booleans()):
            document["tape"] = f"{document['tape']} {data.draw(_TAPE)}"
        replay.add(RunId(f"run-{number}"), document)

    totals = result_of(replay).totals

    assert totals.runs + totals.unrecorded_runs == len(game.records)


@given(games())
def test_a_replay_with_the_present_thresholds_repeats_the_run(game: Game) -> None:
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


def test_a_replay_knows_which_records_were_the_only_ones_of_their_workspace() -> None:
    def truth(workspace_id: WorkspaceId, _tick: int, _rng: random.Random) -> Fault:
        return ErrorClass.CONTRACT if int(workspace_id[3:]) < 15 else None

    games = [Game(seed=seed, workspaces=20, leads=1, truth=truth).play(1) for seed in range(20)]

    assert all(game.open_wide() for game in games)
    results = [result_of(replay_of(game, POLICY)) for game in games]
    assert [result.replayed for result in results] == [result.happened for result in results]
