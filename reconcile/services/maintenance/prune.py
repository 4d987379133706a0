"""Deletes old rows that are not needed, in small transactions so that no run waits."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconcile.ports import Ledger

PIECE = 500
"""Number of rows of each kind in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was deleted, or would be (*dry_run*): rows by table, older than *before*."""

    before: datetime
    dry_run: bool
    rows: Mapping[str, int]


async def prune(ledger: Ledger, *, before: datetime, dry_run: bool, piece: int = PIECE) -> Pruned:
    """Delete old rows, up to *piece* of each kind in one transaction, or count them."""
    if dry_run:
        return Pruned(before=before, dry_run=True, rows=await ledger.prunable(before=before))
    rows: Counter[str] = Counter()
    while True:
        removed = await ledger.prune(before=before, limit=piece)
        rows.update(removed)
        if not any(removed.values()):
            return Pruned(before=before, dry_run=False, rows=dict(rows))
