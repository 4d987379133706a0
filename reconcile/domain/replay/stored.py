"""Stored breakers of a replay, from run to run.

Overrides by operators, and changes that no record explains (a run that was killed), are adopted as they happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerState
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.replay.tape import RecordedMove, RecordedRun


@dataclass(slots=True)
class ReplayedBreakers:
    """The breakers of a replay, and at which generation each of them was in fact when it was last on record."""

    breakers: dict[BreakerKey, Breaker] = field(default_factory=dict)
    generations: dict[BreakerKey, int] = field(default_factory=dict)

    @property
    def are_closed(self) -> bool:
        """Whether every call would pass."""
        return all(each.state is BreakerState.CLOSED for each in self.breakers.values())

    def load(self, run: RecordedRun) -> Sequence[Breaker]:
        """Return the breakers at the start of *run*."""
        for each in run.breakers:
            self.order(each)
        return [self.breakers[key] for key in sorted(self.breakers)]

    def order(self, breaker: Breaker) -> Breaker | None:
        """Adopt a breaker whose change no record explains; return None if a record explains it."""
        key = breaker.key
        if self.generations.get(key) == breaker.generation:
            return None
        self.generations[key] = breaker.generation
        known = self.breakers.get(key)
        self.breakers[key] = replace(breaker, generation=known.generation + 1 if known else breaker.generation)
        return self.breakers[key]

    def note_in_fact(self, move: RecordedMove) -> None:
        """Note that a breaker moved in fact, which is on record."""
        self.generations[move.key] = move.generation

    def save(self, registry: BreakerRegistry, now: datetime) -> None:
        """Store a run's transitions, except where another run's transition was earlier."""
        for breaker, expected in registry.unsaved():
            stored = self.breakers.get(breaker.key)
            if stored is None or stored.generation == expected:
                self.breakers[breaker.key] = breaker
                registry.mark_saved(breaker, now)
            else:
                registry.adopt(stored, now)
