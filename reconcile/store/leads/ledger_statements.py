"""The statements of a batch's write for the ledger, the outbox, plans and workspaces; each for all rows of one kind."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Table, UpdateBase, select, text, update

from reconcile.domain.backfill.plan import ItemState
from reconcile.store.db.clock import latest
from reconcile.store.db.insert import insert
from reconcile.store.db.json_rows import Rows
from reconcile.store.db.types import TEXT
from reconcile.store.schema import tables

TRUE = text("true")
"""SQLite reads ``SELECT … ON CONFLICT`` as a join's condition unless a WHERE stands between."""


@dataclass(frozen=True, slots=True)
class WriteStep:
    """One statement and the rows that it is given; *key* names both."""

    key: str
    statement: UpdateBase
    rows: Rows


def ledger_steps(dialect: str) -> tuple[WriteStep, ...]:
    """Return the steps that write our own tables, other than the state of leads and appointments, in their order."""
    return (
        _plain(dialect, "changes", tables.change),
        _plain(dialect, "effects", tables.outbox),
        _signatures(dialect),
        _signatures_by_run(dialect),
        _plain(dialect, "batches", tables.batch),
        _marks(dialect),
        _visits(dialect),
    )


def _plain(dialect: str, key: str, table: Table) -> WriteStep:
    """Insert rows as they are; one that is there already stays."""
    left_to_default = {"id", "attempts", "next_attempt_at", "delivered_at", "given_up_at", "reason"}
    types = {column.name: column.type for column in table.c if column.name not in left_to_default}
    rows = Rows(f"{key}_rows", types, dialect=dialect)
    source = select(*(rows[name] for name in types)).select_from(rows.table).where(TRUE)
    return WriteStep(key, insert(table, dialect).from_select(list(types), source).on_conflict_do_nothing(), rows)


def _signatures(dialect: str) -> WriteStep:
    table = tables.signature
    names = ("digest", "provider", "operation", "error_class", "message")
    types: dict[str, Any] = dict.fromkeys((*names, "workspace_id"), TEXT)
    types |= {"shape": JSON(), "seen_at": table.c.last_seen_at.type, "count": BigInteger()}
    rows = Rows("signatures_rows", types, dialect=dialect)
    values = {name: rows[name] for name in (*names, "shape", "count")}
    values |= {
        "first_seen_at": rows["seen_at"],
        "last_seen_at": rows["seen_at"],
        "last_workspace_id": rows["workspace_id"],
    }
    statement = insert(table, dialect).from_select(
        list(values), select(*values.values()).select_from(rows.table).where(TRUE)
    )
    given = statement.excluded
    later = latest(table.c.last_seen_at, given.last_seen_at, dialect)
    changed = {
        "count": table.c.count + given.count,
        "last_seen_at": later,
        "last_workspace_id": given.last_workspace_id,
        "shape": given.shape,
    }
    return WriteStep("signatures", statement.on_conflict_do_update(index_elements=["digest"], set_=changed), rows)


def _signatures_by_run(dialect: str) -> WriteStep:
    table = tables.signature_run
    keys = ("digest", "run_id", "workspace_id")
    types = {**{name: table.c[name].type for name in (*keys, "count")}, "seen_at": table.c.last_seen_at.type}
    rows = Rows("signatures_by_run_rows", types, dialect=dialect)
    values = {name: rows[name] for name in (*keys, "count")}
    values |= {"first_seen_at": rows["seen_at"], "last_seen_at": rows["seen_at"]}
    statement = insert(table, dialect).from_select(
        list(values), select(*values.values()).select_from(rows.table).where(TRUE)
    )
    given = statement.excluded
    later = latest(table.c.last_seen_at, given.last_seen_at, dialect)
    changed = {"count": table.c.count + given.count, "last_seen_at": later}
    return WriteStep(
        "signatures_by_run", statement.on_conflict_do_update(index_elements=list(keys), set_=changed), rows
    )


def _marks(dialect: str) -> WriteStep:
    table = tables.backfill_lead
    names = ("state", "reason", "run_id", "moved_at")
    types = {name: table.c[name].type for name in ("plan_id", "lead_id", *names)}
    rows = Rows("marks_rows", types, dialect=dialect)
    is_same = (table.c.plan_id == rows["plan_id"]) & (table.c.lead_id == rows["lead_id"])
    is_open = table.c.state == ItemState.PLANNED.value
    return WriteStep("marks", update(table).where(is_same, is_open).values({name: rows[name] for name in names}), rows)


def _visits(dialect: str) -> WriteStep:
    table = tables.workspace_state
    rows = Rows("visits_rows", {column.name: column.type for column in table.c}, dialect=dialect)
    names = list(table.c.keys())
    statement = insert(table, dialect).from_select(
        names, select(*(rows[name] for name in names)).select_from(rows.table).where(TRUE)
    )
    given = statement.excluded
    later = latest(table.c.visited_at, given.visited_at, dialect)
    changed = {"visited_at": later, "not_before": given.not_before}
    return WriteStep("visits", statement.on_conflict_do_update(index_elements=["workspace_id"], set_=changed), rows)
