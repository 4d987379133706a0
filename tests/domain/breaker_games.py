"""Runs of the breaker registry against made-up tenants, without a store or a provider."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from reconcile.domain.breaker.breaker import RUN_KEY, Breaker, BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.breaker.control import Control, ControlsLeft, Suspect
from reconcile.domain.breaker.events import Admission, Refusal
from reconcile.domain.breaker.keys import provider_key, workspace_key
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.breaker.window import Fault
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId
from reconcile.domain.replay.recorder import CallRecord, CallRecorder
from tests.domain.factories import NOW

GHL = ProviderName.HIGHLEVEL
LOOKUP = Lookup(provider=GHL, operation=Operation.APPOINTMENT)
MINUTE = timedelta(minutes=1)
IN_FLIGHT = 4

Truth = Callable[[WorkspaceId, int, random.Random], Fault]
"""What a call for a workspace comes to in a tick."""


@dataclass(slots=True, kw_only=True)
class Game:
    """A company, tick by tick; *first* come first in line, and what *slow* ask ends last."""

    seed: int
    workspaces: int
    leads: int
    truth: Truth
    first: frozenset[WorkspaceId] = frozenset()
    slow: frozenset[WorkspaceId] = frozenset()
    policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    stored: tuple[Breaker, ...] = ()
    tick: int = 0
    served: list[Mapping[WorkspaceId, int]] = field(default_factory=list)
    """Of each tick, how many sound answers each workspace got."""
    calls: list[Counter[WorkspaceId]] = field(default_factory=list)
    """Of each tick, how many calls were made for each workspace: look-ups, probes and controls."""
    records: list[CallRecord] = field(default_factory=list)
    """Of each tick, its calls."""
    opened: list[list[str]] = field(default_factory=list)
    """Of each tick, the breakers that it opened, or would have."""
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    @property
    def everybody(self) -> list[WorkspaceId]:
        return [WorkspaceId(f"ws-{n:03}") for n in range(self.workspaces)]

    def state(self, workspace_id: WorkspaceId | None = None) -> BreakerState:
        """Return the state of the provider's breaker, or of a workspace's."""
        key = provider_key(GHL) if workspace_id is None else workspace_key(workspace_id, GHL)
        return next((b.state for b in self.stored if b.key == key), BreakerState.CLOSED)

    def open_wide(self) -> list[str]:
        """Return the breakers wider than a workspace that are not closed."""
        wide = [b for b in self.stored if b.key.scope is not BreakerScope.WORKSPACE or b.key == RUN_KEY]
        return [str(b.key) for b in wide if b.state is not BreakerState.CLOSED]

    def play(self, ticks: int) -> "Game":
        for _ in range(ticks):
            _Tick(self).play()
            self.tick += 1
        return self


class _Tick:
    """One run over all that are due."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.now = NOW + MINUTE * game.tick
        self.registry = BreakerRegistry(
            game.stored, policy=game.policy, run_id=RunId(f"run-{game.tick}"), batch_size=game.leads
        )
        self.recorder = CallRecorder()
        self.registry.subscribe(self.recorder.note)
        self.served: dict[WorkspaceId, int] = {}
        self.sound: list[WorkspaceId] = []
        self.asked: set[WorkspaceId] = set()
        self.controlled: set[str] = set()
        self.calls: Counter[WorkspaceId] = Counter()

    def play(self) -> None:
        game, registry = self.game, self.registry
        due = [w for w in game.everybody if not registry.is_parked(w, [GHL], self.now)]
        registry.begin({w: frozenset({GHL}) for w in due}, self.now)
        if registry.is_probing():
            probed = list(due)
            game.rng.shuffle(probed)
            self._round(probed, leads=1)
            registry.conclude_probe_round(self.now)
        game.rng.shuffle(due)
        troubled = registry.troubled_workspaces()
        due.sort(key=lambda w: (w in troubled, w not in game.first))
        self._round(due, leads=game.leads)
        registry.end(self.now)
        game.stored = tuple(registry.breakers())
        game.records += filter(None, [self.recorder.record()])
        game.opened.append(sorted({*map(str, registry.opened_in_run), *registry.would_trip}))
        game.served.append(self.served)
        game.calls.append(self.calls)

    def _round(self, line: Iterable[WorkspaceId], *, leads: int) -> None:
        """Ask about leads, at most a few calls at a time: a workspace's next lead waits for its last one."""
        game = self.game
        waiting = dict.fromkeys(line, leads)
        flying: list[Admission] = []
        while waiting or flying:
            for w in [w for w in waiting if w not in {a.workspace_id for a in flying}]:
                if len(flying) == IN_FLIGHT + len({a.workspace_id for a in flying} & game.slow):
                    break
                answer = self.registry.admit(w, LOOKUP, self.now)
                if isinstance(answer, Refusal):
                    del waiting[w]
                    continue
                self.asked.add(w)
                flying.append(answer)
                waiting[w] -= 1
                if not waiting[w]:
                    del waiting[w]
            if not flying:
                continue
            hasty = [a for a in flying if a.workspace_id not in game.slow]
            ended = hasty[game.rng.randrange(len(hasty))] if hasty and (waiting or len(hasty) > 0) else flying[0]
            flying.remove(ended)
            self._end(ended)

    def _end(self, admission: Admission) -> None:
        w = admission.workspace_id
        fault = self._call(w)
        self.registry.record(admission, fault, self.now)
        if fault is None:
            self.sound.append(w)
            self.served[w] = self.served.get(w, 0) + 1
        self._decide()

    def _call(self, workspace_id: WorkspaceId) -> Fault:
        self.calls[workspace_id] += 1
        return self.game.truth(workspace_id, self.game.tick, self.game.rng)

    def _decide(self) -> None:
        """Make controls as ``services/lookup/control.py`` does."""
        while self.registry.suspects:
            key, suspect = next(iter(self.registry.suspects.items()))
            pairs = self._leads_of(suspect) if suspect.is_workspace else self._workspaces_for(suspect)
            is_only = not suspect.is_workspace and self.game.leads == 1
            controls = [
                Control(party=party, fault=self._call(w), was_successful=sound, is_only=is_only)
                for party, w, sound in pairs
            ]
            done = not pairs or suspect.is_workspace
            self.registry.answer_controls(
                key, controls, self.now, left=ControlsLeft.NONE if done else ControlsLeft.MORE
            )
            self.controlled = set() if key not in self.registry.suspects else self.controlled | {p for p, *_ in pairs}

    def _leads_of(self, suspect: Suspect) -> Sequence[tuple[str, WorkspaceId, bool]]:
        was_successful = suspect.workspace_id in self.sound
        return [
            (f"lead-{n}", suspect.workspace_id, was_successful and not n) for n in range(3 if was_successful else 2)
        ]

    def _workspaces_for(self, suspect: Suspect) -> Sequence[tuple[str, WorkspaceId, bool]]:
        free = [w for w in self.game.everybody if w not in self.controlled]
        if suspect.is_majority:
            return [(w, w, False) for w in free if w in suspect.votes.failing][: suspect.wanted_count]
        sound = [w for w in dict.fromkeys(self.sound) if w in free]
        self.game.rng.shuffle(sound)
        known = [(w, w, True) for w in sound]
        if sound and (suspect.is_first or suspect.is_cleared):
            return known[:1]
        troubled = self.registry.troubled_workspaces()
        fresh = [w for w in free if w not in self.asked | troubled and w not in suspect.earlier]
        self.game.rng.shuffle(fresh)
        chosen = known if suspect.weighs_changes else known[:1]
        return [*chosen, *((w, w, False) for w in fresh)][: suspect.wanted_count + 1]
