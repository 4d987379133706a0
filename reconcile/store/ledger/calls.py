"""The calls of runs: their counts, and the call record of each run, which only a replay reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, select

from reconcile.domain.ids import RunId
from reconcile.domain.replay.recorder import CallRecord
from reconcile.domain.run.report import Trigger
from reconcile.ports.ledger import RunCalls
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.ledger.run_page import page_of_runs
from reconcile.store.schema import tables

EXCLUDED_TRIGGERS = (Trigger.BACKFILL.value, Trigger.UNDO.value)
"""Triggers of runs that a replay leaves out."""
_run, _calls = tables.run, tables.run_calls


def record_calls(run_id: RunId, calls: CallRecord, *, dialect: str) -> Executable:
    """Return the statement that stores a run's call record, unless one is stored."""
    values = {
        "run_id": run_id,
        "calls": calls.calls,
        "checks": calls.checks,
        "errors": calls.errors,
        "is_quiet": calls.is_quiet,
        "is_shadow": calls.is_shadow,
        "record": dict(calls.document),
    }
    return insert(_calls, dialect).values(values).on_conflict_do_nothing()


async def run_calls(database: Database, *, since: datetime, after: RunCalls | None, limit: int) -> Sequence[RunCalls]:
    """Return the call counts of runs started at or after *since*, oldest first; with *after*, later ones."""
    columns = [_calls.c[name] for name in ("run_id", "calls", "checks", "errors", "is_quiet", "is_shadow")]
    statement = (
        select(_run.c.id, _run.c.started_at, *columns)
        .select_from(_run.outerjoin(_calls, _calls.c.run_id == _run.c.id))
        .where(_run.c.trigger.not_in(EXCLUDED_TRIGGERS))
    )
    statement = page_of_runs(statement, since=since, after=after, limit=limit)
    return [
        RunCalls(
            run_id=RunId(row["id"]),
            started_at=row["started_at"],
            is_recorded=row["run_id"] is not None,
            is_quiet=bool(row["is_quiet"]),
            is_shadow=bool(row["is_shadow"]),
            calls=row["calls"] or 0,
            checks=row["checks"] or 0,
            errors=row["errors"] or 0,
        )
        for row in await database.rows(statement)
    ]


async def call_record(database: Database, run_id: RunId) -> Mapping[str, Any] | None:
    """Return the call record of a run; None if there is none."""
    row = await database.row(select(_calls.c.record).where(_calls.c.run_id == run_id))
    return row["record"] if row is not None and isinstance(row["record"], dict) else None
