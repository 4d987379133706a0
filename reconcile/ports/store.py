"""One database, by its ports."""

from dataclasses import dataclass

from reconcile.ports.alerts import Alerts
from reconcile.ports.backfills import Backfills
from reconcile.ports.coordination import AppliedAnnotations, Breakers, Budgets, Cadences, Leases
from reconcile.ports.leads import Leads
from reconcile.ports.ledger import Ledger
from reconcile.ports.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One database, by its ports."""

    leads: Leads
    leases: Leases
    breakers: Breakers
    budgets: Budgets
    ledger: Ledger
    outbox: Outbox
    cadences: Cadences
    applied_annotations: AppliedAnnotations
    alerts: Alerts
    backfills: Backfills
