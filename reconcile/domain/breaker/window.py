"""Counts of what the leads of a run came to, by workspace: what breakers are decided on."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from reconcile.domain.ids import WorkspaceId
from reconcile.domain.lookup import Lookup
from reconcile.errors import ErrorClass


class SuspectOutcome(StrEnum):
    """A decisive answer that is not believed when too many leads get it."""

    ABSENT = "absent"


Fault = ErrorClass | SuspectOutcome | None
"""What was wrong with one check; None for a sound one."""


@dataclass(slots=True)
class SlidingWindow:
    """Checks and errors of one part of a run, since its start and over the last *window* checks.

    The window sees a provider break in the middle of a run, which the sum over thousands of good checks would hide.
    """

    size: int = 20
    checks: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    recent: deque[tuple[WorkspaceId, Fault]] = field(default_factory=deque)

    def add(self, workspace_id: WorkspaceId, fault: Fault, *, times: int = 1) -> None:
        """Count one check, or several alike."""
        self.checks += times
        self.faults[fault] += times
        for _ in range(min(times, self.size)):
            self.recent.append((workspace_id, fault))
            if len(self.recent) > self.size:
                self.recent.popleft()

    @property
    def errors(self) -> int:
        """How many checks failed; an absence is no error by itself."""
        return self.checks - self.faults[None] - self.faults[SuspectOutcome.ABSENT]

    def tail(self, count: int) -> "SlidingWindow":
        """Return the last *count* checks alone."""
        last = SlidingWindow(size=count)
        for workspace_id, fault in list(self.recent)[-count:]:
            last.add(workspace_id, fault)
        return last

    def exceeds(self, rate: float, *, min_checks: int, of: Iterable[Fault] | None = None) -> bool:
        """Tell whether faults (*of* these kinds, by default all errors) reach *rate*, in all or lately."""
        kinds = None if of is None else frozenset(of)

        def counts(fault: Fault) -> bool:
            return fault in kinds if kinds is not None else isinstance(fault, ErrorClass)

        total = sum(count for fault, count in self.faults.items() if counts(fault))
        if self.checks >= min_checks and total / max(1, self.checks) >= rate:
            return True
        lately = sum(counts(fault) for _, fault in self.recent)
        return len(self.recent) >= min_checks and lately / len(self.recent) >= rate

    def failing_workspaces(self, of: Iterable[Fault]) -> frozenset[WorkspaceId]:
        """Return the workspaces that had faults of these kinds lately, and at least as many of them as sound checks."""
        kinds = frozenset(of)
        balance: Counter[WorkspaceId] = Counter()
        seen: set[WorkspaceId] = set()
        for workspace_id, fault in self.recent:
            if fault in kinds:
                seen.add(workspace_id)
                balance[workspace_id] += 1
            elif fault is None:
                balance[workspace_id] -= 1
        return frozenset(w for w in seen if balance[w] >= 0)


def merge_windows(windows: Iterable[SlidingWindow]) -> SlidingWindow:
    """Return the sum of several tallies; its window is theirs, one after another."""
    total = SlidingWindow()
    for window in windows:
        total.checks += window.checks
        total.faults.update(window.faults)
        total.recent.extend(window.recent)
    return total


@dataclass(slots=True, kw_only=True)
class ImpliedSuccesses:
    """Sound checks that a sweep stands for, to be counted in equal parts over the next *over* checks."""

    lookup: Lookup
    count: int
    over: int

    def take(self) -> int:
        """Take one part out."""
        part = -(-self.count // max(1, self.over))
        self.count -= part
        self.over -= 1
        return part
