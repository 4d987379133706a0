"""What no tenant can do to the others, whatever it plays: searched for by random games, each named by its seed."""

import random
from collections.abc import Mapping

import pytest

from reconcile.domain.breaker.breaker import Breaker, BreakerPolicy, BreakerReason, BreakerState, Trip
from reconcile.domain.breaker.keys import provider_key, workspace_key
from reconcile.domain.breaker.window import Fault, SuspectOutcome
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import ErrorClass
from tests.domain.breaker_games import GHL, Game, Truth
from tests.domain.factories import NOW

GAMES = 40
THOROUGH_GAMES = 10_000
HOUR = 60
OUT = 5
"""Ticks that an outage lasts."""
OUTAGES = (ErrorClass.CONTRACT, ErrorClass.UNAVAILABLE, ErrorClass.TIMEOUT, ErrorClass.TRANSPORT, ErrorClass.CREDENTIAL)
MOVES: tuple[Fault, ...] = (None, *OUTAGES, ErrorClass.REJECTED, ErrorClass.UNDECODABLE, SuspectOutcome.ABSENT)
TENANT = WorkspaceId("ws-000")


def seeds(*, is_thorough: bool) -> range:
    return range(THOROUGH_GAMES // 4 if is_thorough else GAMES // 4)


def strategy(rng: random.Random) -> Mapping[int, tuple[Fault, ...]]:
    """Return what a tenant answers in each tick of a cycle: one of these, at random."""
    return {n: tuple(rng.choices(MOVES, k=rng.randint(1, 4))) for n in range(rng.randint(1, 6))}


def game(seed: int, others: Truth) -> Game:
    """Return a company in which one tenant does what it likes, and is first in line or slow if it likes."""
    rng = random.Random(seed)
    plan = strategy(rng)

    def truth(workspace_id: WorkspaceId, tick: int, chance: random.Random) -> Fault:
        if workspace_id == TENANT:
            return chance.choice(plan[tick % len(plan)])
        return others(workspace_id, tick, chance)

    tenant = frozenset({TENANT})
    return Game(
        seed=seed,
        workspaces=rng.randint(4, 16),
        leads=rng.choice([2, 3, 6]),
        truth=truth,
        first=tenant if rng.random() < 0.5 else frozenset(),
        slow=tenant if rng.random() < 0.5 else frozenset(),
    )


def is_served(played: Game, tick: int) -> bool:
    """Tell whether each of the others got all its answers in a tick."""
    return all(played.served[tick].get(w) == played.leads for w in played.everybody if w != TENANT)


def test_no_tenant_opens_a_provider_or_costs_another_an_answer(is_thorough: bool) -> None:
    for seed in seeds(is_thorough=is_thorough):
        played = game(seed, lambda *_: None)
        for tick in range(8):
            played.play(1)
            assert (played.open_wide(), is_served(played, tick)) == ([], True), (seed, tick)


def test_no_tenant_hides_that_a_provider_is_down(is_thorough: bool) -> None:
    for seed in seeds(is_thorough=is_thorough):
        kind = OUTAGES[seed % len(OUTAGES)]
        played = game(seed, lambda *_, kind=kind: kind).play(6)

        assert played.open_wide() or all(
            played.state(w) is not BreakerState.CLOSED for w in played.everybody if w != TENANT
        ), seed
        assert all(calls <= 2 * played.workspaces for calls in played.calls[3:]), (seed, played.calls)


def test_no_tenant_keeps_a_provider_open_that_is_well_again(is_thorough: bool) -> None:
    for seed in seeds(is_thorough=is_thorough):
        kind = OUTAGES[seed % len(OUTAGES)]

        def out_for_a_while(_: WorkspaceId, tick: int, __: random.Random, *, kind: ErrorClass = kind) -> Fault:
            return kind if tick < OUT else None

        played = game(seed, out_for_a_while).play(OUT + HOUR // 3)

        assert (played.open_wide(), is_served(played, -1)) == ([], True), seed


@pytest.mark.parametrize("kind", OUTAGES)
def test_a_breaker_closes_within_an_hour_while_calls_of_others_would_succeed(
    kind: ErrorClass, *, is_thorough: bool
) -> None:
    """Whoever is at fault is parked by itself, and keeps neither the provider's breaker open nor the others waiting."""
    for seed in range(200 if is_thorough else 4):
        rng = random.Random(seed)
        count = rng.randint(3, 12)
        culprits = frozenset(WorkspaceId(f"ws-{n:03}") for n in range(rng.randint(1, max(1, (count - 1) // 2))))
        trip = Trip(reason=BreakerReason.MANY_WORKSPACES, fault=kind)
        stuck = Breaker(key=provider_key(GHL)).trip(NOW, trip, policy=BreakerPolicy())
        played = Game(
            seed=seed,
            workspaces=count,
            leads=6,
            truth=lambda w, *_, culprits=culprits: kind if w in culprits else None,
            first=culprits,
            stored=(stuck,),
        ).play(HOUR)

        assert played.open_wide() == [], (seed, count, len(culprits))
        assert all(played.served[-1].get(w) == 6 for w in played.everybody if w not in culprits), seed
        assert all(played.state(w) is not BreakerState.CLOSED for w in culprits), seed
        assert all(workspace_key(w, GHL) in {b.key for b in played.stored} for w in culprits)
