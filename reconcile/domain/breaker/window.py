"""Sliding windows over the results of look-ups, in the order of admission; the rules of breakers read them."""

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import ErrorClass


class SuspectOutcome(StrEnum):
    """A decisive answer that is not believed when too many leads get it."""

    ABSENT = "absent"


Fault = ErrorClass | SuspectOutcome | None
"""The failure of one check; None for a success."""


@dataclass(frozen=True, slots=True, order=True)
class WindowEntry:
    """One check, the *number*-th that was admitted."""

    number: int
    workspace_id: WorkspaceId = field(compare=False)
    fault: Fault = field(compare=False)


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """Checks and errors of one part of a run: the sums since its start, and the last *size* checks.

    The last checks are those that were admitted last, whenever they ended: slow failures end late and together, and
    would else fill the window.
    """

    size: int = 20
    faults: Mapping[Fault, int] = field(default_factory=dict)
    recent: tuple[WindowEntry, ...] = ()

    def add(self, entry: WindowEntry, *, times: int = 1) -> "SlidingWindow":
        """Return the window with one more check, or with *times* equal ones."""
        recent = list(self.recent)
        for _ in range(min(times, self.size)):
            insort(recent, entry)
        faults = {**self.faults, entry.fault: self.faults.get(entry.fault, 0) + times}
        return SlidingWindow(self.size, faults, tuple(recent[-self.size :]))

    @property
    def checks(self) -> int:
        """How many checks were counted since the start."""
        return sum(self.faults.values())

    @property
    def errors(self) -> int:
        """How many checks failed; an absence alone is not an error."""
        return sum(count for fault, count in self.faults.items() if isinstance(fault, ErrorClass))

    def last(self, count: int, *, after: int = 0) -> "SlidingWindow":
        """Return a window of the last *count* checks that were admitted after the *after*-th."""
        kept = tuple(each for each in self.recent if each.number > after)[-count:]
        return SlidingWindow(count, Counter(each.fault for each in kept), kept)

    def count(self, kinds: Iterable[Fault]) -> int:
        """Return how many checks ended in one of these *kinds* of fault."""
        return sum(self.faults.get(kind, 0) for kind in kinds)

    def exceeds(self, rate: float, *, min_checks: int, of: Iterable[Fault] = tuple(ErrorClass)) -> bool:
        """Return whether the share of faults *of* these kinds reaches *rate*, in total or in the last *size* checks."""
        kinds = tuple(of)
        if self.checks >= min_checks and self.count(kinds) / self.checks >= rate:
            return True
        recent = self.last(self.size)
        return recent.checks >= min_checks and recent.count(kinds) / recent.checks >= rate

    def votes(self, of: Iterable[Fault]) -> "Votes":
        """Return each workspace's vote on its last checks: it fails if at least half of them fail *of* these kinds."""
        kinds = frozenset(of)
        balance: Counter[WorkspaceId] = Counter()
        failing: set[WorkspaceId] = set()
        for entry in self.recent:
            if entry.fault in kinds:
                failing.add(entry.workspace_id)
                balance[entry.workspace_id] += 1
            else:
                balance[entry.workspace_id] -= 1
        failed = frozenset(w for w in failing if balance[w] >= 0)
        return Votes(failing=failed, healthy=frozenset(balance) - failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """One vote for each workspace, however many leads it has."""

    failing: frozenset[WorkspaceId] = frozenset()
    healthy: frozenset[WorkspaceId] = frozenset()

    @property
    def failing_share(self) -> float:
        """The share of the workspaces that fails, 0 without votes."""
        return len(self.failing) / max(1, len(self.failing) + len(self.healthy))


def merge_windows(windows: Iterable[SlidingWindow]) -> SlidingWindow:
    """Return the sum of several windows, with the checks in the order of admission."""
    faults: Counter[Fault] = Counter()
    recent: list[WindowEntry] = []
    size = SlidingWindow().size
    for window in windows:
        faults.update(window.faults)
        recent.extend(window.recent)
        size = max(size, window.size)
    return SlidingWindow(size, dict(faults), tuple(sorted(recent)[-size:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedSuccesses:
    """Successful checks that a list implies, to be counted in equal parts over the next *over* checks."""

    lookup: Lookup
    count: int
    over: int

    def part(self) -> int:
        """Return how many are counted with the next check."""
        return -(-self.count // max(1, self.over))

    def rest(self) -> "ImpliedSuccesses":
        """Return the remainder after one part."""
        return replace(self, count=self.count - self.part(), over=self.over - 1)
