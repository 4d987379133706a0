"""Leads whose bookings the provider has moved, and what became of them."""

from collections import Counter
from datetime import timedelta
from typing import Any

from reconcile.domain.ids import LeadId, RunId
from reconcile.domain.lead import Lead
from tests.services.backfilling import move
from tests.services.fakes import START
from tests.services.run_harness import RunHarness
from tests.use_cases import Undo, Undoing, undo

LEADS = 3
EDIT = "UPDATE lead SET status = 'customer' WHERE id = :id"
MOVED_TO = START + timedelta(days=4)


async def changes(harness: RunHarness) -> Counter[LeadId]:
    """Return how many changes of each lead the ledger holds."""
    return Counter(row.lead_id for row in await harness.store.ledger.changes(limit=1000))


async def moved(harness: RunHarness) -> list[Lead]:
    """Enter leads whose bookings the provider has moved by a day."""
    leads = await harness.fill([LEADS])
    move(harness, [each.id for each in leads])
    return leads


async def has_moved(harness: RunHarness, leads: list[Lead]) -> list[bool]:
    return [(await harness.lead(each.id)).rollup.starts_at == MOVED_TO for each in leads]


async def take_back(harness: RunHarness, number: int = 1, *, store: Any = None, **what: Any) -> Undoing:
    asked = Undo(run_id=RunId(f"undo-{number}"), batch=1, **what)
    return await undo(asked, store=store or harness.store, clock=harness.clock)
