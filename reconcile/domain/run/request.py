"""What a run is asked for, and what it says while it works."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.ids import WorkspaceId
from reconcile.domain.run.cadence import tick_of
from reconcile.domain.run.report import Trigger
from reconcile.domain.shard import Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One run.

    *whole_set*: page through everything that is due, whatever the limits say; only a dry run and a backfill may, as
    they move no watermark that would let the next run go on where this one ended.
    """

    workspace_limit: int
    leads_per_workspace: int
    workspace: WorkspaceId | None = None
    dry_run: bool = False
    whole_set: bool = False
    trigger: Trigger = Trigger.MANUAL
    scheduled_at: datetime | None = None
    shard: Shard | None = None

    def of_job(self, name: str | None, *, now: datetime) -> "RunRequest":
        """Return the request as the name of its Job tells of it: a tick's, or somebody's copy of the CronJob."""
        if name is None or self.trigger is Trigger.BACKFILL:
            return self
        scheduled_at = tick_of(name, now=now)
        trigger = Trigger.MANUAL if scheduled_at is None else Trigger.SCHEDULE
        return replace(self, trigger=trigger, scheduled_at=scheduled_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is, told after each batch; *workspaces_planned* is known from the start, leads are not."""

    workspaces_done: int
    workspaces_planned: int
    leads_done: int
    errors: int


OnProgress = Callable[[Progress], None]
