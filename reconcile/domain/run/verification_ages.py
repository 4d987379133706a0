"""Counts bookings by the age of their verification."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.ids import WorkspaceId

AGES: tuple[timedelta, ...] = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""Upper bounds of the age groups; older and never verified bookings are separate groups."""
AGE_WORDS: tuple[str, ...] = ("within an hour", "within a day", "within a week", "longer ago", "never")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceAges:
    """One workspace's bookings by age of verification, in the groups of AGES and AGE_WORDS."""

    workspace_id: WorkspaceId
    counts: tuple[int, ...]
    at_risk: int = 0
    oldest_at: datetime | None = None

    @property
    def bookings(self) -> int:
        """The number of bookings."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """The workspaces with bookings, the worst first; *others* sums those beyond the requested number."""

    worst: tuple[WorkspaceAges, ...] = ()
    others: tuple[int, ...] = (0,) * len(AGE_WORDS)
    workspace_count: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """All bookings by age of verification."""
        return tuple(map(sum, zip(self.others, *(each.counts for each in self.worst), strict=True)))
