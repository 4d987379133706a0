"""The report of a run, the same document on every channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.breaker.breaker import Breaker
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import MismatchKind
from reconcile.domain.planning.change import EffectKind
from reconcile.domain.planning.outcome import DeferReason, Outcome, SkipReason
from reconcile.domain.run.change_hold import ChangeHold


class Health(StrEnum):
    """The state of a run in one word."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    CIRCUIT_BROKEN = "circuit_broken"


class Trigger(StrEnum):
    """What started a run."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCounts:
    """One provider's part of a run, in leads."""

    checked: int = 0
    booked: int = 0
    canceled: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCount:
    """The number of failures of one kind in a run; *shape* lists the key names of a sample body."""

    key: str
    count: int
    workspaces: int
    shape: tuple[str, ...] = ()


UNSEEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """The age of verification of leads with a booking; ages are None without such leads.

    *took* is the duration of the query. *never_verified* are leads with a booking, a message or an active sequence for
    which no provider has answered yet. *unseen* are leads with a last message older than ``UNSEEN_AFTER`` that no run
    has looked at: imported leads, or those before a first run.
    """

    oldest: timedelta | None = None
    median: timedelta | None = None
    never_verified: int = 0
    due: int = 0
    overdue: int = 0
    unseen: int = 0
    measured_at: datetime | None = None
    took: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The result of one run. Counts are leads unless the name says otherwise; see docs/report.md for the JSON."""

    run_id: RunId
    trigger: Trigger
    dry_run: bool
    success: bool
    timestamp: datetime
    duration: timedelta
    health: Health
    health_reasons: tuple[str, ...]
    circuit_broken: bool
    stopped: str | None = None
    """Why the run ended before its work did: ``lease_held``, ``lease_lost``, ``sigterm``, ``deadline``, ``breaker``.

    Or before it began any: ``not_due``.
    """
    scheduled_at: datetime | None = None
    """The scheduled time for which a CronJob's controller started the run, and the delay of its start."""
    lateness: timedelta | None = None
    shard: Shard | None = None
    workspace: WorkspaceId | None = None
    """The only workspace that was visited, if one was given."""
    workspaces_processed: int = 0
    leads_checked: int = 0
    booked_found: int = 0
    canceled_found: int = 0
    rescheduled: int = 0
    updated: int = 0
    no_change: int = 0
    absent: int = 0
    disappeared: int = 0
    disappeared_24h: int = 0
    skipped: int = 0
    deferred: int = 0
    errors: int = 0
    changes: Mapping[Outcome, int] = field(default_factory=dict)
    """Leads whose rows were changed, or would be in a dry run, by the kind of change."""
    effects_created: Mapping[EffectKind, int] = field(default_factory=dict)
    held_changes: tuple[ChangeHold, ...] = ()
    quarantined: int = 0
    provider_calls: int = 0
    by_provider: Mapping[ProviderName, ProviderCounts] = field(default_factory=dict)
    skip_reasons: Mapping[SkipReason, int] = field(default_factory=dict)
    defer_reasons: Mapping[DeferReason, int] = field(default_factory=dict)
    mismatches: Mapping[MismatchKind, int] = field(default_factory=dict)
    parked_workspaces: tuple[WorkspaceId, ...] = ()
    eligible_but_unvisited: int = 0
    breakers: tuple[Breaker, ...] = ()
    would_trip: tuple[str, ...] = ()
    calls_under_way_at_trip: int | None = None
    top_signatures: tuple[SignatureCount, ...] = ()
    freshness: Freshness | None = None
    appointments_at_risk_24h: int | None = None
    effects_delivered: int = 0
    effects_dropped: int = 0
    effects_pending: int | None = None
