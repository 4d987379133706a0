"""Which mutants a turn judges, and the table of what became of them.

The mutants of a module are shuffled once, by the module's path, and cut into turns: each mutant is in exactly one of
them, and a module with fewer turns than were asked for begins again.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_Z = 1.96
"""Standard deviations of a normal distribution around its mean that hold 95 % of it."""


@dataclass(slots=True)
class Score:
    """What became of the mutants of a layer."""

    noticed: int = 0
    total: int = 0

    def add(self, *, is_noticed: bool) -> None:
        """Count one mutant."""
        self.total += 1
        self.noticed += is_noticed

    @property
    def share(self) -> float:
        """The share of mutants that the tests noticed; 1 where there are none."""
        return self.noticed / self.total if self.total else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share of all mutants lies with 95 % confidence, by Wilson's score interval."""
        if not self.total:
            return 0.0, 1.0
        weight = _Z * _Z / self.total
        middle = (self.share + weight / 2) / (1 + weight)
        half = math.sqrt(self.share * (1 - self.share) * weight + weight * weight / 4) / (1 + weight)
        return max(0.0, middle - half), min(1.0, middle + half)


def in_order(seed: str, moves: Sequence[T], tokens: Sequence[T]) -> list[T]:
    """Shuffle both kinds of mutants by *seed* and take them by turns, so that a sample holds both.

    *moves* are faults such as a refactoring makes, *tokens* those that change an operator or a constant.
    """
    chance = random.Random(seed)
    both = [chance.sample(kind, len(kind)) for kind in (moves, tokens)]
    return [kind[index] for index in range(max(map(len, both))) for kind in both if index < len(kind)]


def turns(count: int, size: int) -> int:
    """Return the number of turns that cover *count* mutants, *size* in each."""
    return max(1, -(-count // size))


def sample(ordered: Sequence[T], *, size: int, turn: int) -> Sequence[T]:
    """Return the mutants of this *turn*, counted from 0."""
    first = turn % turns(len(ordered), size) * size
    return ordered[first : first + size]


def table(scores: Mapping[str, Score]) -> str:
    """Return a line for each layer: its mutants, how many were noticed, their share and its 95 % interval."""
    rows = [
        f"{name:<10} {score.total:>8} {score.noticed:>8} {score.share:>7.1%} {low:>6.1%} - {high:.1%}"
        for name, score in scores.items()
        for low, high in (score.interval,)
    ]
    return "\n".join((f"{'layer':<10} {'mutants':>8} {'noticed':>8} {'share':>7} {'95 % interval':>14}", *rows))


def exit_code(scores: Mapping[str, Score], *, least: float) -> int:
    """Return 1 where the share of a layer is under *least*."""
    return int(any(score.share < least for score in scores.values()))
