"""What no tenant can do to the others, whatever it plays: a search over its moves, each game named by its seed.

``python -m tests.domain.breaker_search`` plays 10,000 games, or as many as ``--games`` says; a test plays a sample.
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

from reconcile.domain.breaker.breaker import BreakerState
from reconcile.domain.breaker.window import Fault, SuspectOutcome
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import ErrorClass
from tests.domain.breaker_games import Game, Truth

GAMES = 10_000
OUT = 5
"""Ticks that an outage lasts."""
BACK = 20
"""Ticks within which everything is served again."""
OUTAGES = (ErrorClass.CONTRACT, ErrorClass.UNAVAILABLE, ErrorClass.TIMEOUT, ErrorClass.TRANSPORT, ErrorClass.CREDENTIAL)
MOVES: tuple[Fault, ...] = (None, *OUTAGES, ErrorClass.REJECTED, ErrorClass.UNDECODABLE, SuspectOutcome.ABSENT)
TENANT = WorkspaceId("ws-000")


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


def opens_a_provider(seed: int) -> str | None:
    """Play a tenant whose provider is well; return what it did to the others."""
    played = game(seed, lambda *_: None)
    for tick in range(8):
        played.play(1)
        if played.open_wide() or not is_served(played, tick):
            return f"tick {tick}: open {played.open_wide()}, others served: {is_served(played, tick)}"
    return None


def hides_an_outage(seed: int) -> str | None:
    """Play a tenant while nobody else is answered; return how the outage stayed unknown, or cost too many calls.

    Counted are the calls for the others. Those for the tenant may be answered, and are no cost of the outage then.
    """
    kind = OUTAGES[seed % len(OUTAGES)]
    played = game(seed, lambda *_: kind).play(6)
    others = [w for w in played.everybody if w != TENANT]
    if not played.open_wide() and any(played.state(w) is BreakerState.CLOSED for w in others):
        return f"{kind}: no breaker is open"
    calls = [sum(each[w] for w in others) for each in played.calls]
    if any(count > 2 * len(others) for count in calls[3:]):
        return f"{kind}: calls {calls} for {len(others)} workspaces"
    return None


def keeps_a_provider_open(seed: int) -> str | None:
    """Play a tenant through an outage and after it; return what was not served again."""
    kind = OUTAGES[seed % len(OUTAGES)]
    played = game(seed, lambda _, tick, __: kind if tick < OUT else None).play(OUT + BACK)
    if played.open_wide() or not is_served(played, -1):
        return f"{kind}: open {played.open_wide()}, others served: {is_served(played, -1)}"
    return None


PROPERTIES: Mapping[str, Callable[[int], str | None]] = {
    each.__name__: each for each in (opens_a_provider, hides_an_outage, keeps_a_provider_open)
}


def lost_games(names: Iterable[str], seeds: Iterable[int]) -> Iterator[str]:
    """Play each seed against each property; give a line for each game that the tenant won."""
    chosen = [(name, seed) for name in names for seed in seeds]
    for name, seed in chosen:
        if (how := PROPERTIES[name](seed)) is not None:
            yield f"{name}, seed {seed}: {how}"


def _lost(part: tuple[str, Sequence[int]]) -> list[str]:
    name, seeds = part
    return list(lost_games([name], seeds))


def main() -> None:
    """Play all games and print those that a tenant won; the exit code tells whether there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.domain.breaker_search", description=__doc__)
    parser.add_argument("--games", type=int, default=GAMES, help="in all, in equal parts for each property")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    given = parser.parse_args()
    turns = Counter(list(PROPERTIES)[n % len(PROPERTIES)] for n in range(given.games))
    parts = [
        (name, range(given.first + start, given.first + min(start + 50, count)))
        for name, count in turns.items()
        for start in range(0, count, 50)
    ]
    # Parts of all properties in turn, so that a search that is stopped early has played each of them.
    parts.sort(key=lambda part: part[1].start)
    played = lost_count = 0
    with ProcessPoolExecutor(given.jobs) as pool:
        for (name, seeds), lost in zip(parts, pool.map(_lost, parts), strict=True):
            played, lost_count = played + len(seeds), lost_count + len(lost)
            print(*lost, f"{played} of {given.games} games played, {lost_count} lost: {name}", sep="\n", flush=True)  # noqa: T201
    print(f"{played} games played, {lost_count} won by the tenant")  # noqa: T201
    raise SystemExit(bool(lost_count))


if __name__ == "__main__":
    main()
