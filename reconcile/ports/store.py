"""One database, by its ports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reconcile.ports.alerts import Alerts
from reconcile.ports.backfills import Backfills
from reconcile.ports.change_holds import ChangeHolds
from reconcile.ports.clock import DatabaseClock
from reconcile.ports.coordination import AppliedAnnotations, Breakers, Budgets, Cadences, DayQuotas, Leases
from reconcile.ports.leads import Leads
from reconcile.ports.ledger import Ledger
from reconcile.ports.outbox import Outbox


class DamagedRows(Protocol):
    """Rows of our own tables that could not be read, and were left out."""

    def counts(self) -> Mapping[str, int]:
        """Return how many there were since the database was opened, by table."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One database, by its ports."""

    leads: Leads
    leases: Leases
    breakers: Breakers
    budgets: Budgets
    day_quotas: DayQuotas
    ledger: Ledger
    outbox: Outbox
    cadences: Cadences
    change_holds: ChangeHolds
    applied_annotations: AppliedAnnotations
    alerts: Alerts
    backfills: Backfills
    database_clock: DatabaseClock
    damaged_rows: DamagedRows
