"""A store whose answers a test writes down, for the use cases that only read, and a breaker memory that compares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from reconcile.domain.alert import Alert
from reconcile.domain.backfill.plan import BackfillPlan
from reconcile.domain.breaker.breaker import Breaker, BreakerKey
from reconcile.domain.ids import LeadId, ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import Lead, MismatchKind
from reconcile.domain.run.report import Freshness, Trigger
from reconcile.domain.run.verification_ages import Ages
from reconcile.domain.workspace import Workspace
from reconcile.ports import (
    Alerts,
    Backfills,
    BatchRow,
    Breakers,
    Budgets,
    ChangeRow,
    ChannelState,
    DamagedRows,
    DatabaseClock,
    Leads,
    LeaseHolder,
    Leases,
    Ledger,
    Outbox,
    RunCalls,
    RunRow,
    ScheduledRun,
    SightingRow,
    SignatureRow,
)
from reconcile.ports import Store as StorePort
from tests.services.memory_ports import MemoryCadences, MemoryChangeHolds, MemoryDayQuotas, MemoryOrders

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Stub:
    """What the store holds; each attribute is the answer to the question of its name."""

    leads: Sequence[Lead] = ()
    due: Sequence[Lead] = ()
    workspaces: Sequence[Workspace] = ()
    breakers: dict[BreakerKey, Breaker] = field(default_factory=dict)
    runs: Sequence[RunRow] = ()
    batches: Sequence[BatchRow] = ()
    changes: Sequence[ChangeRow] = ()
    signatures: Sequence[SignatureRow] = ()
    ticks: Sequence[ScheduledRun] = ()
    calls: Sequence[RunCalls] = ()
    call_records: Mapping[RunId, Mapping[str, Any]] = field(default_factory=dict)
    sightings: Sequence[SightingRow] = ()
    at_risk: Sequence[Lead] = ()
    workspace_count: int = 100
    ages: Ages = field(default_factory=Ages)
    quarantined: Sequence[Lead] = ()
    mismatches: Mapping[MismatchKind, int] = field(default_factory=dict)
    pending: int = 0
    refused: int = 0
    given_up: int = 0
    channels: Mapping[str, ChannelState] = field(default_factory=dict)
    held: Mapping[str, LeaseHolder] = field(default_factory=dict)
    freshness: Freshness = field(default_factory=Freshness)
    day_quotas: MemoryDayQuotas = field(default_factory=MemoryDayQuotas)
    cadences: MemoryCadences = field(default_factory=MemoryCadences)
    change_holds: MemoryChangeHolds = field(default_factory=MemoryChangeHolds)
    orders: MemoryOrders = field(default_factory=MemoryOrders)
    refusals: int = 0
    """How many times saving a breaker fails because another process moved it first."""

    def store(self) -> StorePort:
        """Give it as the runner takes it."""
        return StorePort(
            leads=cast("Leads", _Leads(self)),
            leases=cast("Leases", _Leases(self)),
            breakers=cast("Breakers", _Breakers(self)),
            budgets=cast("Budgets", None),
            day_quotas=self.day_quotas,
            ledger=cast("Ledger", _Ledger(self)),
            outbox=cast("Outbox", _Outbox(self)),
            cadences=self.cadences,
            change_holds=self.change_holds,
            applied_annotations=self.orders,
            alerts=cast("Alerts", _Alerts(self)),
            backfills=cast("Backfills", _Backfills()),
            database_clock=cast("DatabaseClock", None),
            damaged_rows=cast("DamagedRows", None),
        )


class _Backfills:
    async def plans(self, **_: object) -> Sequence[BackfillPlan]:
        return ()


@dataclass
class _Leads:
    stub: Stub

    async def lead(self, lead_id: LeadId) -> Lead | None:
        return next((lead for lead in self.stub.leads if lead.id == lead_id), None)

    async def workspace(self, workspace_id: WorkspaceId) -> Workspace | None:
        return next((each for each in self.stub.workspaces if each.id == workspace_id), None)

    async def due_leads(self, _workspace_id: WorkspaceId, **_: object) -> Sequence[Lead]:
        return self.stub.due

    async def quarantined(self, *, workspace_id: WorkspaceId | None = None, limit: int = 100) -> Sequence[Lead]:
        return [each for each in self.stub.quarantined if workspace_id in {None, each.workspace_id}][:limit]

    async def mismatch_counts(self) -> Mapping[MismatchKind, int]:
        return self.stub.mismatches

    async def freshness(self, **_: object) -> Freshness:
        return self.stub.freshness

    async def workspace_count(self) -> int:
        return self.stub.workspace_count

    async def at_risk_count(self, **_: object) -> int:
        return len(self.stub.at_risk)

    async def at_risk(self, *, limit: int, **_: object) -> Sequence[Lead]:
        return self.stub.at_risk[:limit]

    async def ages(self, **_: object) -> Ages:
        return self.stub.ages


@dataclass
class _Leases:
    stub: Stub

    async def held(self) -> Mapping[str, LeaseHolder]:
        return self.stub.held


@dataclass
class _Breakers:
    stub: Stub

    async def load(self) -> Sequence[Breaker]:
        return list(self.stub.breakers.values())

    async def get(self, key: BreakerKey) -> Breaker | None:
        return self.stub.breakers.get(key)

    async def save(self, breaker: Breaker, *, expected_generation: int) -> bool:
        stored = self.stub.breakers.get(breaker.key)
        if self.stub.refusals:
            self.stub.refusals -= 1
            moved = stored or Breaker(key=breaker.key)
            self.stub.breakers[breaker.key] = moved.drop_expired_override(NOW) if stored else moved
            return False
        if (stored.generation if stored else 0) != expected_generation:
            return False
        self.stub.breakers[breaker.key] = breaker
        return True


@dataclass
class _Ledger:
    stub: Stub

    async def runs(self, *, limit: int = 20, of_all: bool = False) -> Sequence[RunRow]:
        apart = {Trigger.BACKFILL, Trigger.UNDO} if of_all else set()
        return [row for row in self.stub.runs if row.trigger not in apart][:limit]

    async def run(self, run_id: RunId) -> RunRow | None:
        return next((row for row in self.stub.runs if row.run_id == run_id), None)

    async def batches(self, **_: object) -> Sequence[BatchRow]:
        return self.stub.batches

    async def changes(self, **_: object) -> Sequence[ChangeRow]:
        return self.stub.changes

    async def signatures(self, **_: object) -> Sequence[SignatureRow]:
        return self.stub.signatures

    async def scheduled_runs(self, *, after: ScheduledRun | None = None, **_: object) -> Sequence[ScheduledRun]:
        return () if after else self.stub.ticks

    async def run_calls(self, *, after: RunCalls | None = None, **_: object) -> Sequence[RunCalls]:
        return () if after else self.stub.calls

    async def call_record(self, run_id: RunId) -> Mapping[str, Any] | None:
        return self.stub.call_records.get(run_id)

    async def sightings(self, **_: object) -> Sequence[SightingRow]:
        return self.stub.sightings


@dataclass
class _Outbox:
    stub: Stub

    async def pending_count(self, *, only_tried: bool = False) -> int:
        return self.stub.refused if only_tried else self.stub.pending

    async def given_up_count(self) -> int:
        return self.stub.given_up


def run_row(name: str, *, minutes_ago: float = 1, report: Mapping[str, Any] | None = None) -> RunRow:
    """Give a run that took ten seconds, without a report if *report* is None."""
    started_at = NOW - timedelta(minutes=minutes_ago)
    ended_at = started_at + timedelta(seconds=10) if report is not None else None
    return RunRow(run_id=RunId(name), started_at=started_at, finished_at=ended_at, report=report)


def healthy(**facts: object) -> dict[str, object]:
    """Give the part of a report that lists read."""
    return {"success": True, "health": "healthy", "leadsChecked": 10, "errors": 0, "providerCalls": 12} | facts


WORKSPACE = WorkspaceId("ws-1")
LEAD = LeadId("lead-1")
GHL = ProviderName.HIGHLEVEL


@dataclass
class _Alerts:
    stub: Stub

    async def load(self, **_: object) -> Sequence[Alert]:
        return ()

    async def channels(self) -> Mapping[str, ChannelState]:
        return self.stub.channels
