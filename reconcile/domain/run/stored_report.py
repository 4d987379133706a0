"""A stored report of this or an older version: missing and damaged fields have defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconcile.domain.run.report import Freshness, Health, ProviderCounts, SignatureCount


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedBreaker:
    """A breaker in a stored report; *name* and *state* as in the report."""

    name: str
    state: str
    reason: str = ""
    since: datetime | None = None
    next_probe_at: datetime | None = None
    tripped_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """The fields of a stored report that readers need; counts are leads unless the name says otherwise."""

    run_id: str = ""
    health: str = "unknown"
    success: bool = False
    stopped: str | None = None
    dry_run: bool = False
    shard: str | None = None
    duration: timedelta = timedelta(0)
    health_reasons: tuple[str, ...] = ()
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
    skip_reasons: Mapping[str, int] = field(default_factory=dict)
    deferred: int = 0
    errors: int = 0
    quarantined: int = 0
    provider_calls: int = 0
    by_provider: Mapping[str, ProviderCounts] = field(default_factory=dict)
    breakers: tuple[ReportedBreaker, ...] = ()
    more_breakers: int = 0
    would_trip: tuple[str, ...] = ()
    more_would_trip: int = 0
    top_signatures: tuple[SignatureCount, ...] = ()
    freshness: Freshness | None = None
    appointments_at_risk_24h: int | None = None

    @property
    def is_successful(self) -> bool:
        """Whether the run succeeded with few failures."""
        return self.success and self.health in {Health.HEALTHY, Health.DEGRADED}
