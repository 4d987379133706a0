"""What the use cases need from the world, in their own words. Adapters and fakes pass the same contract suites."""

from reconcile.ports.alerts import AlertChannel, Alerts, ChannelState
from reconcile.ports.backfills import Backfills, ItemMove, ItemRow, Marks, Share
from reconcile.ports.clock import Clock
from reconcile.ports.coordination import Breakers, Budgets, Cadences, Claim, Leases, OrderRow, Orders
from reconcile.ports.kubernetes import Announcement, StateMirror, StateObject
from reconcile.ports.leads import BatchReceipt, BatchWrite, DueWorkspaces, Leads, LeadWrite
from reconcile.ports.ledger import BatchRow, ChangeRow, Ledger, RunRow, SightingRow, SignatureRow, TickRow
from reconcile.ports.outbox import EffectSink, Outbox, OutboxRow
from reconcile.ports.provider import Provider, Sweep, TokenSource, Usage
from reconcile.ports.store import Store
from reconcile.ports.telemetry import HttpAttempt, Silence, Span, Telemetry

__all__ = [
    "AlertChannel",
    "Alerts",
    "Announcement",
    "Backfills",
    "BatchReceipt",
    "BatchRow",
    "BatchWrite",
    "Breakers",
    "Budgets",
    "Cadences",
    "ChangeRow",
    "ChannelState",
    "Claim",
    "Clock",
    "DueWorkspaces",
    "EffectSink",
    "HttpAttempt",
    "ItemMove",
    "ItemRow",
    "LeadWrite",
    "Leads",
    "Leases",
    "Ledger",
    "Marks",
    "OrderRow",
    "Orders",
    "Outbox",
    "OutboxRow",
    "Provider",
    "RunRow",
    "Share",
    "SightingRow",
    "SignatureRow",
    "Silence",
    "Span",
    "StateMirror",
    "StateObject",
    "Store",
    "Sweep",
    "Telemetry",
    "TickRow",
    "TokenSource",
    "Usage",
]
