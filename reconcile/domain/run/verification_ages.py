"""How long ago bookings were verified, counted by age."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.ids import WorkspaceId

AGES: tuple[timedelta, ...] = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""Bookings are sorted by the age of their verification: up to each of these, then older, then never."""
AGE_WORDS: tuple[str, ...] = ("within an hour", "within a day", "within a week", "longer ago", "never")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceAges:
    """One workspace's bookings by the age of their verification, as AGES and AGE_WORDS divide it."""

    workspace_id: WorkspaceId
    counts: tuple[int, ...]
    at_risk: int = 0
    oldest_at: datetime | None = None

    @property
    def bookings(self) -> int:
        """How many there are."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """The workspaces with bookings, the worst first; *others* adds up those beyond the number that was asked for."""

    worst: tuple[WorkspaceAges, ...] = ()
    others: tuple[int, ...] = (0,) * len(AGE_WORDS)
    workspace_count: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """All bookings by age."""
        return tuple(map(sum, zip(self.others, *(each.counts for each in self.worst), strict=True)))
