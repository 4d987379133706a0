"""What all look-ups of a run have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from reconcile.domain.due import DuePolicy
from reconcile.domain.evidence.controls import Controls
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.ports import Clock, Provider, Store, Telemetry
from reconcile.services.lookup.limits.in_flight import CallTracker
from reconcile.services.lookup.limits.time_budget import TimeBudget
from reconcile.services.lookup.warnings import RunWarnings


@dataclass(slots=True)
class CallCounts:
    """The calls that a run has made to providers."""

    total: int = 0
    budget_left: dict[ProviderName, int] = field(default_factory=dict)
    """Of the accounts that were asked with, what the one with the fewest calls had left."""

    def note_left(self, provider: ProviderName, left: int) -> None:
        """Note what an account of *provider* has left."""
        self.budget_left[provider] = min(left, self.budget_left.get(provider, left))


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupLimits:
    """The numbers by which look-ups are made."""

    lead_concurrency: int
    rate_share: float
    """The share of each account's burst that this run may use up; the rest is always left to others."""
    list_sample_share: float
    """In this share of the workspaces that lists settle completely, one lead is looked up by id as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupContext:
    """What look-ups work through, what bounds them, and where they record what happened: the same for all of a run.

    Nothing here decides whether a call may be made: that is ``CallAdmission``.
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
    """Leads that no run has looked at are those that wrote since then, or any."""
    warnings: RunWarnings
    calls: CallCounts = field(default_factory=CallCounts)
    in_flight: CallTracker = field(default_factory=CallTracker)
    controls: Controls = field(default_factory=Controls)
    """What the answers of this run have proved of the operations that gave them."""

    @property
    def attempted_at(self) -> datetime:
        """The instant that a checked lead is stamped with.

        It is the run's start and not the moment of the answer, so that a lead asked late in one run is due in the
        next; a touch later than a deferred one's, so that who had no turn comes first.
        """
        return self.started_at + timedelta(milliseconds=1)

    async def due_leads(self, workspace_id: WorkspaceId, *, limit: int, after: LeadId | None) -> Sequence[Lead]:
        """Return up to *limit* due leads of a workspace, most urgent first; *after*: in the order of ids, behind it."""
        return await self.store.leads.due_leads(
            workspace_id,
            now=self.started_at,
            policy=self.due,
            limit=limit,
            after=after,
            wrote_since=self.wrote_since,
        )
