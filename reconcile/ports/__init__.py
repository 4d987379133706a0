"""Interfaces that use cases need. Adapters and fakes pass the same contract suites."""

from reconcile.ports.alerts import AlertChannel, Alerts, ChannelState, HeartbeatMonitor, HeartbeatSignal
from reconcile.ports.backfills import Backfills, ItemMove, ItemRow, PlanMarks, SelectedCount
from reconcile.ports.change_holds import ChangeHolds
from reconcile.ports.clock import Clock, DatabaseClock
from reconcile.ports.coordination import (
    AppliedAnnotation,
    AppliedAnnotations,
    Breakers,
    Budgets,
    Cadences,
    DayQuotas,
    LeaseHolder,
    Leases,
)
from reconcile.ports.kubernetes import Announcement, StateMirror, StateObject
from reconcile.ports.leads import BatchReceipt, BatchWrite, DueWorkspaces, Leads, LeadWrite
from reconcile.ports.ledger import (
    BatchRow,
    ChangeRow,
    Ledger,
    RunCalls,
    RunRow,
    ScheduledRun,
    SightingRow,
    SignatureRow,
)
from reconcile.ports.outbox import EffectSink, GivenUpFollowUp, Outbox, OutboxRow
from reconcile.ports.provider import Provider, Sweep, TokenSource, Usage
from reconcile.ports.store import DamagedRows, Store
from reconcile.ports.telemetry import HttpAttempt, NoopTelemetry, Span, Telemetry

__all__ = [
    "AlertChannel",
    "Alerts",
    "Announcement",
    "AppliedAnnotation",
    "AppliedAnnotations",
    "Backfills",
    "BatchReceipt",
    "BatchRow",
    "BatchWrite",
    "Breakers",
    "Budgets",
    "Cadences",
    "ChangeHolds",
    "ChangeRow",
    "ChannelState",
    "Clock",
    "DamagedRows",
    "DatabaseClock",
    "DayQuotas",
    "DueWorkspaces",
    "EffectSink",
    "GivenUpFollowUp",
    "HeartbeatMonitor",
    "HeartbeatSignal",
    "HttpAttempt",
    "ItemMove",
    "ItemRow",
    "LeadWrite",
    "Leads",
    "LeaseHolder",
    "Leases",
    "Ledger",
    "NoopTelemetry",
    "Outbox",
    "OutboxRow",
    "PlanMarks",
    "Provider",
    "RunCalls",
    "RunRow",
    "ScheduledRun",
    "SelectedCount",
    "SightingRow",
    "SignatureRow",
    "Span",
    "StateMirror",
    "StateObject",
    "Store",
    "Sweep",
    "Telemetry",
    "TokenSource",
    "Usage",
]
