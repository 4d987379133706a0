"""Converts a backfill plan and its leads from rows to values and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, RowMapping, UpdateBase, and_, case, update
from sqlalchemy.types import TypeEngine

from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanId
from reconcile.domain.backfill.planned_change import PlannedLead
from reconcile.domain.formatting import quoted
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.lead import MismatchKind
from reconcile.domain.planning.outcome import Outcome
from reconcile.errors import ReconcileError
from reconcile.ports import ItemMove, ItemRow
from reconcile.store.db.json_rows import Rows
from reconcile.store.leads.change_documents import change_documents
from reconcile.store.mapping.row_mapper import word
from reconcile.store.schema.tables import backfill, backfill_lead

_C = backfill_lead.c
MOST_FAILURES = 3
"""The number of look-ups of a failing lead in one plan."""
_GIVEN = (
    *("state", "outcome", "verified_at", "facts", "change", "is_absent", "mismatch", "before", "after"),
    *("reason", "run_id", "moved_at"),
)


def move_types() -> Mapping[str, TypeEngine[Any]]:
    """Return the columns of a move with their SQL types."""
    return {name: _C[name].type for name in ("plan_id", "lead_id", *_GIVEN)} | {"failed": Integer()}


def move_statement(rows: Rows) -> UpdateBase:
    """Return the statement that stores moves; a failed lead with attempts left stays selected."""
    values: dict[str, Any] = {name: rows[name] for name in _GIVEN}
    may_try_again = and_(rows["failed"] == 1, _C.failures + 1 < MOST_FAILURES)
    values["state"] = case((may_try_again, ItemState.SELECTED.value), else_=rows["state"])
    values["failures"] = _C.failures + rows["failed"]
    is_same = (_C.plan_id == rows["plan_id"]) & (_C.lead_id == rows["lead_id"])
    return update(backfill_lead).where(is_same, _C.state == ItemState.SELECTED.value).values(values)


def move_row(move: ItemMove) -> dict[str, Any]:
    """Return *move* as a row of ``move_statement``, without plan, run and instant."""
    planned = move.planned
    before, after = change_documents(move.change) if move.change else (None, None)
    return {
        "lead_id": move.lead_id,
        "state": move.state.value,
        "failed": int(move.state is ItemState.FAILED),
        "outcome": planned.outcome.value if planned else None,
        "verified_at": planned.verified_at if planned else None,
        "facts": planned.facts if planned else None,
        "change": planned.change if planned else None,
        "is_absent": planned.is_absent if planned else None,
        "mismatch": planned.mismatch.value if planned and planned.mismatch else None,
        "before": before,
        "after": after,
        "reason": move.reason,
    }


def read_plan(row: RowMapping) -> BackfillPlan:
    """Return the plan in *row*; raises ReconcileError if the row is damaged."""
    for name, kind in (("made_at", datetime), ("asked", Mapping), ("summary", Mapping), ("held", list)):
        if not isinstance(row[name], kind):
            raise _damaged(row["id"], f"column {name} of table {backfill.name}")
    return BackfillPlan(
        id=PlanId(row["id"]),
        made_at=row["made_at"],
        asked=row["asked"],
        selected=row["selected"],
        planned_at=row["planned_at"],
        hash=row["hash"],
        summary=row["summary"],
        held=tuple(row["held"]),
        approved_hash=row["approved_hash"],
        applied_at=row["applied_at"],
    )


def read_planned(row: RowMapping) -> PlannedLead | None:
    """Return the planned change of a lead; None if there is none."""
    outcome = word(Outcome, row["outcome"])
    if outcome is None or row["facts"] is None:
        return None
    if not isinstance(row["verified_at"], datetime) or not isinstance(row["change"], Mapping | None):
        raise _damaged(row["plan_id"], f"the row of lead {quoted(row['lead_id'])} in table {backfill_lead.name}")
    return PlannedLead(
        lead_id=LeadId(row["lead_id"]),
        workspace_id=WorkspaceId(row["workspace_id"]),
        outcome=outcome,
        verified_at=row["verified_at"],
        facts=row["facts"],
        change=row["change"],
        is_absent=bool(row["is_absent"]),
        mismatch=word(MismatchKind, row["mismatch"]),
    )


def _damaged(plan_id: str, where: str) -> ReconcileError:
    return ReconcileError(f"the plan {quoted(plan_id)} is damaged: {where} cannot be read; make a new plan")


def read_item(row: RowMapping) -> ItemRow:
    """Return a lead of a plan for display."""
    return ItemRow(
        lead_id=LeadId(row["lead_id"]),
        workspace_id=WorkspaceId(row["workspace_id"]),
        state=word(ItemState, row["state"]) or ItemState.FAILED,
        outcome=word(Outcome, row["outcome"]),
        reason=row["reason"],
        before=row["before"],
        after=row["after"],
        planned=read_planned(row),
    )
