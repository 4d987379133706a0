"""Probes: the few calls that a half-open breaker admits, to decide whether it closes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconcile.domain.breaker.breaker import BreakerKey, BreakerScope
from reconcile.domain.ids import WorkspaceId


class ProbeResult(StrEnum):
    """The result of all probes of one breaker."""

    SUCCEEDED = "succeeded"
    SPLIT = "split"
    """At least half of the workspaces fail, and one does not: each is evaluated by itself."""
    BROKEN = "broken"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """The probes of one half-open breaker in one run: at most *limit*, each in another workspace.

    *failed_by*: whether each ended probe failed, None if it had no result; the other probes are in flight.
    """

    limit: int
    workspaces: frozenset[WorkspaceId] = frozenset()
    failed_by: Mapping[WorkspaceId, bool | None] = field(default_factory=dict)

    @classmethod
    def of(cls, key: BreakerKey, *, limit: int) -> "Probes":
        """Return an empty round; a workspace's own breaker needs only one probe."""
        return cls(limit=1 if key.scope is BreakerScope.WORKSPACE else limit)

    def has_room(self, workspace_id: WorkspaceId) -> bool:
        """Return whether a probe may be made in this workspace."""
        return len(self.workspaces) < self.limit and workspace_id not in self.workspaces

    def begin(self, workspace_id: WorkspaceId) -> "Probes":
        """Add a probe that starts."""
        return replace(self, workspaces=self.workspaces | {workspace_id})

    def end(self, workspace_id: WorkspaceId, *, failed: bool | None) -> "Probes":
        """Record the result of a probe; *failed* is None without a result."""
        return replace(self, failed_by={**self.failed_by, workspace_id: failed})

    @property
    def failing(self) -> frozenset[WorkspaceId]:
        """The workspaces whose probe failed."""
        return frozenset(w for w, failed in self.failed_by.items() if failed)

    @property
    def success_count(self) -> int:
        """How many probes were answered."""
        return sum(failed is False for failed in self.failed_by.values())

    def result(self, *, is_last: bool) -> ProbeResult | None:
        """Return the result once all probes have ended, None before.

        Each workspace has one vote: one failing workspace does not decide for the others, and if most fail, one success
        makes the result SPLIT. *is_last*: no more probes can be made.
        """
        is_complete = len(self.workspaces) >= self.limit and len(self.failed_by) == len(self.workspaces)
        if not is_complete and not is_last:
            return None
        if self.success_count > len(self.failing):
            return ProbeResult.SUCCEEDED
        if self.failing:
            return ProbeResult.SPLIT if self.success_count else ProbeResult.BROKEN
        return ProbeResult.NOTHING if is_last else None
