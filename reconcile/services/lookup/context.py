"""What all look-ups of a run share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from reconcile.domain.due import DuePolicy
from reconcile.domain.evidence.controls import Controls
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.ports import Clock, Provider, Store, Telemetry
from reconcile.services.lookup.limits.day_readings import DayReadings
from reconcile.services.lookup.limits.in_flight import CallTracker
from reconcile.services.lookup.limits.time_budget import TimeBudget
from reconcile.services.lookup.warnings import RunWarnings


@dataclass(slots=True)
class CallCounts:
    """Counts of the calls that a run has made to providers."""

    total: int = 0
    budget_left: dict[ProviderName, int] = field(default_factory=dict)
    """The calls left in the account that has the fewest left, by provider."""

    def note_left(self, provider: ProviderName, left: int) -> None:
        """Record how many calls an account of *provider* has left."""
        self.budget_left[provider] = min(left, self.budget_left.get(provider, left))


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupLimits:
    """The limits of look-ups."""

    lead_concurrency: int
    rate_share: float
    """The share of each account's burst that this run may use up; the rest is always left to others."""
    list_sample_share: float
    """In this share of the workspaces that lists settle completely, one lead is looked up by id as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupContext:
    """The adapters and limits of look-ups, and where they record results; one for each run.

    ``CallAdmission`` decides whether a call may be made.
    """

    store: Store
    providers: Mapping[ProviderName, Provider]
    clock: Clock
    random: Random
    telemetry: Telemetry
    time: TimeBudget
    started_at: datetime
    due: DuePolicy
    limits: LookupLimits
    whole_set: bool = False
    wrote_since: datetime | None = None
    """Leads that no run has seen have a message since then; None searches all leads."""
    warnings: RunWarnings
    calls: CallCounts = field(default_factory=CallCounts)
    day_readings: DayReadings = field(default_factory=DayReadings)
    in_flight: CallTracker = field(default_factory=CallTracker)
    controls: Controls = field(default_factory=Controls)
    """What the answers of this run prove about the operations that returned them."""

    @property
    def attempted_at(self) -> datetime:
        """The time that is stored as ``attempted_at`` of a checked lead.

        It is the start of the run and not the time of the answer, so a lead that is checked late in one run is due in
        the next; 1 ms later than that of a deferred lead, so deferred leads come first.
        """
        return self.started_at + timedelta(milliseconds=1)

    async def due_leads(self, workspace_id: WorkspaceId, *, limit: int, after: LeadId | None) -> Sequence[Lead]:
        """Return up to *limit* due leads, most urgent first; with *after*, those with greater ids, in id order."""
        return await self.store.leads.due_leads(
            workspace_id,
            now=self.started_at,
            policy=self.due,
            limit=limit,
            after=after,
            wrote_since=self.wrote_since,
        )
