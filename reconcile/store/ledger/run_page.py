"""Reads runs page by page, oldest first."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select

from reconcile.ports.ledger import RunCalls, ScheduledRun
from reconcile.store.schema.tables import run


def page_of_runs(
    statement: Select[Any], *, since: datetime, after: RunCalls | ScheduledRun | None, limit: int
) -> Select[Any]:
    """Return *statement* for up to *limit* runs started at or after *since*, oldest first; with *after*, later ones."""
    page = statement.where(run.c.started_at >= (after.started_at if after else since))
    if after is not None:
        page = page.where((run.c.started_at > after.started_at) | (run.c.id > after.run_id))
    return page.order_by(run.c.started_at, run.c.id).limit(limit)
