"""What no tenant can do to the others, whatever it plays, and that no breaker stays open in vain."""

import random
from functools import partialmethod

import pytest

from reconcile.domain.breaker.breaker import Breaker, BreakerPolicy, BreakerReason, BreakerState, Trip
from reconcile.domain.breaker.control import ControlVerdict, Suspect
from reconcile.domain.breaker.decisions import Decisions
from reconcile.domain.breaker.keys import provider_key
from reconcile.domain.breaker.recovery import Recovery
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import ErrorClass
from tests import samples
from tests.domain.breaker_games import GHL, Game
from tests.domain.breaker_search import OUTAGES, PROPERTIES, lost_games
from tests.domain.factories import NOW

SAMPLE, THOROUGH_SAMPLE = 40, 400
"""Of 10,000 games, for each property; ``python -m tests.domain.breaker_search`` plays all."""
HOUR = 60


@samples.cells(1)
@pytest.mark.parametrize("name", PROPERTIES)
def test_no_tenant_wins_a_game(name: str, *, is_thorough: bool) -> None:
    assert list(lost_games([name], range(THOROUGH_SAMPLE if is_thorough else SAMPLE))) == []


def stuck_breakers(kind: ErrorClass, seed: int, *, culprits_at_most: float) -> list[str]:
    """Play an hour from a provider's open breaker, while some workspaces fail; return what is wrong at its end."""
    rng = random.Random(seed)
    count = rng.randint(3, 12)
    bad = frozenset(WorkspaceId(f"ws-{n:03}") for n in range(rng.randint(1, max(1, int(culprits_at_most * count)))))
    trip = Trip(reason=BreakerReason.MANY_WORKSPACES, fault=kind)
    stuck = Breaker(key=provider_key(GHL)).trip(NOW, trip, policy=BreakerPolicy())
    played = Game(
        seed=seed,
        workspaces=count,
        leads=6,
        truth=lambda w, *_: kind if w in bad else None,
        first=bad,
        stored=(stuck,),
    ).play(HOUR)
    unserved = [w for w in played.everybody if w not in bad and played.served[-1].get(w) != 6]
    unparked = [w for w in bad if played.state(w) is BreakerState.CLOSED]
    return [f"{seed}: {each}" for each in (*played.open_wide(), *unserved, *unparked)]


@samples.cells(4)
@pytest.mark.parametrize("share", [0.45, 0.9])
@pytest.mark.parametrize("kind", OUTAGES)
def test_a_breaker_closes_within_an_hour_while_calls_of_others_would_succeed(
    kind: ErrorClass, share: float, *, is_thorough: bool
) -> None:
    """Whoever is at fault is parked by itself, and keeps neither the provider's breaker open nor the others waiting."""
    for seed in range(200 if is_thorough else 3):
        assert stuck_breakers(kind, seed, culprits_at_most=share) == []


@samples.cells(1)
@pytest.mark.parametrize(
    ("owner", "method"),
    [(Recovery, "_park_failing"), (Recovery, "_advance"), (Breaker, "probe_is_due")],
    ids=["culprits of a probe round are not parked", "sound probes widen nothing", "no probe is ever due"],
)
def test_a_breaker_that_stays_open_in_vain_is_found(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> None:
    """Faults made by hand, each of which keeps a breaker open for an hour."""
    monkeypatch.setattr(owner, method, lambda *_, **__: None)

    found = [stuck_breakers(ErrorClass.UNAVAILABLE, seed, culprits_at_most=0.9) for seed in range(6)]

    assert any(found)


def test_an_outage_that_controls_never_confirm_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault made by hand: each suspicion ends in an acquittal, and no workspace is parked."""
    monkeypatch.setattr(Decisions, "_open", lambda *_, **__: None)

    assert list(lost_games(["hides_an_outage"], range(3))) != []


def test_a_tenant_that_opens_a_provider_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault made by hand: one workspace is enough to suspect a provider, and a suspicion is enough to open it."""
    monkeypatch.setattr(Suspect, "control_result", ControlVerdict.CONFIRMED)
    monkeypatch.setattr(BreakerPolicy, "__init__", partialmethod(BreakerPolicy.__init__, min_workspaces=1))

    assert list(lost_games(["opens_a_provider"], range(12))) != []
