"""Implements the port ``ChangeHolds``: held kinds of changes, and counts of recent writes."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import RowMapping, case, func, select, update

from reconcile.domain.ids import RunId, WorkspaceId
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.run.change_hold import ChangeHold
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.db.own_rows import each_readable
from reconcile.store.ledger.calls import EXCLUDED_TRIGGERS
from reconcile.store.mapping.row_mapper import word
from reconcile.store.schema.tables import batch, change, change_hold, run

_LONGEST_RUN = timedelta(hours=1)
"""Runs that started up to this long before are searched for later changes."""
_OF_APPROVAL = ("approved_until", "approved_by", "reason")
_CHECKS = tuple(each.value for each in Outcome if each.is_check)


class SqlChangeHolds:
    """Holds in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[ChangeHold]:
        """Return all holds, also ended ones."""
        statement = select(change_hold).order_by(change_hold.c.scope, change_hold.c.kind)
        rows = await self._database.rows(statement)
        return each_readable(rows, _hold, table=change_hold, damaged=self._database.damaged)

    async def save(self, hold: ChangeHold) -> None:
        """Store *hold* in place of the one of its kind and scope; an approval of the same hold stays."""
        values: dict[str, Any] = {name: getattr(hold, name) for name in ChangeHold.__dataclass_fields__}
        values["kind"] = hold.kind.value
        row = insert(change_hold, self._database.dialect).values(values)
        given: dict[str, Any] = {name: row.excluded[name] for name in values if name not in {"kind", "scope"}}
        for name in _OF_APPROVAL:  # approved during the run
            given[name] = case((change_hold.c.hash == row.excluded.hash, change_hold.c[name]), else_=row.excluded[name])
        await self._database.change(row.on_conflict_do_update(index_elements=["kind", "scope"], set_=given))

    async def approve(self, digest: str, *, until: datetime, actor: str, reason: str | None) -> None:
        """Approve the hold with this hash until *until*."""
        values = {"approved_until": until, "approved_by": actor, "reason": reason}
        await self._database.change(update(change_hold).where(change_hold.c.hash == digest).values(values))

    async def changed_since(self, since: datetime) -> Mapping[Outcome, int]:
        """Return the number of leads that scheduled runs have changed since *since*, by kind."""
        statement = (
            select(change.c.outcome, func.count(change.c.lead_id.distinct()).label("leads"))
            .select_from(run.join(change, change.c.run_id == run.c.id))
            .where(
                run.c.started_at >= since - _LONGEST_RUN, run.c.trigger.not_in(EXCLUDED_TRIGGERS), change.c.at >= since
            )
            .group_by(change.c.outcome)
        )
        found: dict[Outcome, int] = {}
        for row in await self._database.rows(statement):
            kind = word(Outcome, row["outcome"]) or Outcome.UPDATED
            kind = Outcome.CANCELED if kind is Outcome.ABSENT else kind
            found[kind] = found.get(kind, 0) + row["leads"]
        return found

    async def checked_since(self, since: datetime) -> Mapping[WorkspaceId, int]:
        """Return the largest number of leads that one visit has checked since *since*, by workspace."""
        checks = reduce(add, (func.coalesce(batch.c.counts[name].as_integer(), 0) for name in _CHECKS))
        statement = (
            select(batch.c.workspace_id, func.max(checks).label("leads"))
            .select_from(run.join(batch, batch.c.run_id == run.c.id))
            .where(
                run.c.started_at >= since - _LONGEST_RUN,
                run.c.trigger.not_in(EXCLUDED_TRIGGERS),
                batch.c.finished_at >= since,
            )
            .group_by(batch.c.workspace_id)
        )
        return {WorkspaceId(row["workspace_id"]): row["leads"] for row in await self._database.rows(statement)}


def _hold(row: RowMapping) -> ChangeHold | None:
    kind = word(Outcome, row["kind"])
    if kind is None or row["since"] is None or row["seen_at"] is None:
        raise ValueError
    return ChangeHold(**{**row, "kind": kind, "run_id": RunId(row["run_id"])})
