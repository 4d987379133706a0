"""A damaged row of a plan is told in a sentence that names it."""

from typing import Any

import pytest
from sqlalchemy import update

from reconcile.domain.backfill.plan import BackfillPlan, PlanId, Selection
from reconcile.domain.backfill.planned_change import read_back
from reconcile.domain.planning.outcome import Outcome
from reconcile.errors import ReconcileError
from reconcile.ports import Store
from reconcile.store.db.database import Database
from reconcile.store.leads.seed import seed
from reconcile.store.schema.tables import backfill
from tests.stores import DEFAULT, NOW, W1, lead, workspace

PLAN = BackfillPlan(id=PlanId("p1"), made_at=NOW, asked={})


@pytest.mark.parametrize(("column", "value"), [("held", {"a": 1}), ("summary", [1]), ("asked", "x")])
async def test_a_damaged_column_of_a_plan_is_an_error(store: Store, migrated_url: str, column: str, value: Any) -> None:
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(W1)], leads=[lead("a")])
    await store.backfills.begin(PLAN, Selection(workspaces=(W1,)))
    database = Database(migrated_url)
    try:
        await database.change(update(backfill).values({column: value}))
    finally:
        await database.close()

    with pytest.raises(ReconcileError, match=f"the plan 'p1' is damaged: column {column} of table reconcile_backfill"):
        await store.backfills.plan(PLAN.id)


@pytest.mark.parametrize("document", [{}, {"appointments": 1}, {"appointments": [], "rollup": {"provider": "x"}}])
def test_a_damaged_change_of_a_lead_raises_an_error(document: dict[str, Any]) -> None:
    with pytest.raises(ReconcileError, match="the planned change of lead 'a' is damaged; make a new plan"):
        read_back(document, lead("a"), outcome=Outcome.BOOKED)
