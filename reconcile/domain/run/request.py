"""The request for a run, and its progress."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.planning.listed_change import ListedChange
from reconcile.domain.run.cadence import tick_of
from reconcile.domain.run.report import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """The request for one run.

    *whole_set*: page through all due leads without limits; only a dry run and a backfill may, because they move no
    watermark from which the next run could continue.
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
        """Return the request with what its Job's name says: a scheduled time, or that the Job was created manually."""
        if name is None or self.trigger is Trigger.BACKFILL:
            return self
        scheduled_at = tick_of(name, now=now)
        trigger = Trigger.MANUAL if scheduled_at is None else Trigger.SCHEDULE
        return replace(self, trigger=trigger, scheduled_at=scheduled_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a run after each batch; *workspaces_planned* is known from the start, leads are not."""

    workspaces_done: int
    workspaces_planned: int
    leads_done: int
    errors: int


OnChange = Callable[[ListedChange], None]
"""Called with each change that a dry run plans."""
OnProgress = Callable[[Progress], None]
