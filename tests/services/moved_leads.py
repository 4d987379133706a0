"""Leads whose bookings the provider has moved, and what became of them."""

from collections import Counter
from datetime import timedelta
from typing import Any

from reconcile.domain.ids import LeadId, RunId
from reconcile.domain.lead import Lead
from tests.services.backfilling import move
from tests.services.desk import Desk
from tests.services.fakes import START
from tests.use_cases import Undo, Undoing, undo

LEADS = 3
EDIT = "UPDATE lead SET status = 'customer' WHERE id = :id"
MOVED_TO = START + timedelta(days=4)


async def changes(desk: Desk) -> Counter[LeadId]:
    """Return how many changes of each lead the ledger holds."""
    return Counter(row.lead_id for row in await desk.store.ledger.changes(limit=1000))


async def moved(desk: Desk) -> list[Lead]:
    """Enter leads whose bookings the provider has moved by a day."""
    leads = await desk.fill([LEADS])
    move(desk, [each.id for each in leads])
    return leads


async def has_moved(desk: Desk, leads: list[Lead]) -> list[bool]:
    return [(await desk.lead(each.id)).rollup.starts_at == MOVED_TO for each in leads]


async def take_back(desk: Desk, number: int = 1, *, store: Any = None, **what: Any) -> Undoing:
    asked = Undo(run_id=RunId(f"undo-{number}"), batch=1, **what)
    return await undo(asked, store=store or desk.store, clock=desk.clock)
