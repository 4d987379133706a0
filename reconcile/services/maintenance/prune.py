"""Deletes what is old and needed by nobody any more, piece by piece, so that no run waits for it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconcile.ports import Ledger

PIECE = 500
"""Rows of each kind in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was deleted, or (*dry_run*) would be: rows by table, of the time *before*."""

    before: datetime
    dry_run: bool
    rows: Mapping[str, int]


async def prune(ledger: Ledger, *, before: datetime, dry_run: bool, piece: int = PIECE) -> Pruned:
    """Delete all that is old, up to *piece* rows of each kind in one transaction, or count it."""
    if dry_run:
        return Pruned(before=before, dry_run=True, rows=await ledger.prunable(before=before))
    rows: Counter[str] = Counter()
    while True:
        removed = await ledger.prune(before=before, limit=piece)
        rows.update(removed)
        if not any(removed.values()):
            return Pruned(before=before, dry_run=False, rows=dict(rows))
