"""The few calls that find out whether a provider, a workspace or the run may be trusted again."""

from dataclasses import dataclass, field
from enum import StrEnum

from reconcile.domain.breaker.breaker import BreakerKey, BreakerScope
from reconcile.domain.ids import WorkspaceId


class ProbeResult(StrEnum):
    """What the probes of one breaker say together."""

    SOUND = "sound"
    BROKEN = "broken"
    NOTHING = "nothing"


@dataclass(slots=True, kw_only=True)
class Probes:
    """The probes of one half-open breaker in one run: at most *limit*, each in another workspace."""

    limit: int
    workspaces: set[WorkspaceId] = field(default_factory=set)
    success_count: int = 0
    failure_count: int = 0
    under_way_count: int = 0

    @classmethod
    def of(cls, key: BreakerKey, *, limit: int) -> "Probes":
        """Begin a round; a workspace's own breaker needs one probe only."""
        return cls(limit=1 if key.scope is BreakerScope.WORKSPACE else limit)

    def has_room(self, workspace_id: WorkspaceId) -> bool:
        """Tell whether a probe may be made in this workspace."""
        return len(self.workspaces) < self.limit and workspace_id not in self.workspaces

    def begin(self, workspace_id: WorkspaceId) -> None:
        """Note a probe that is made."""
        self.workspaces.add(workspace_id)
        self.under_way_count += 1

    def end(self, *, failed: bool | None) -> None:
        """Note what a probe came to; None where nothing was learned."""
        self.under_way_count -= 1
        self.failure_count += failed is True
        self.success_count += failed is False

    def result(self, *, is_last: bool) -> ProbeResult | None:
        """Return what the probes say once they are in, None before.

        The majority decides: one bad workspace among those probed does not speak for the others. *is_last* tells that
        no more can be made.
        """
        is_complete = len(self.workspaces) >= self.limit and not self.under_way_count
        if not is_complete and not is_last:
            return None
        if self.success_count > self.failure_count:
            return ProbeResult.SOUND
        if self.failure_count:
            return ProbeResult.BROKEN
        return ProbeResult.NOTHING if is_last else None
