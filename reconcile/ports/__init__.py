"""What the use cases need from the world, in their own words. Adapters and fakes pass the same contract suites."""

from reconcile.ports.clock import Clock
from reconcile.ports.kubernetes import Announcement, StateMirror, StateObject
from reconcile.ports.leads import BatchReceipt, BatchWrite, DueWorkspaces, Leads, LeadWrite
from reconcile.ports.ledger import BatchRow, ChangeRow, Ledger, RunRow, SignatureRow
from reconcile.ports.memory import Breakers, Budgets, Cadences, Claim, Leases, OrderRow, Orders
from reconcile.ports.outbox import EffectSink, Outbox, OutboxRow
from reconcile.ports.provider import Lookup, Provider, TokenSource, Usage
from reconcile.ports.store import Store
from reconcile.ports.telemetry import Telemetry

__all__ = [
    "Announcement",
    "BatchReceipt",
    "BatchRow",
    "BatchWrite",
    "Breakers",
    "Budgets",
    "Cadences",
    "ChangeRow",
    "Claim",
    "Clock",
    "DueWorkspaces",
    "EffectSink",
    "LeadWrite",
    "Leads",
    "Leases",
    "Ledger",
    "Lookup",
    "OrderRow",
    "Orders",
    "Outbox",
    "OutboxRow",
    "Provider",
    "RunRow",
    "SignatureRow",
    "StateMirror",
    "StateObject",
    "Store",
    "Telemetry",
    "TokenSource",
    "Usage",
]
