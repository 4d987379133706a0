"""Implements the port ``Backfills``: one row for each plan, and one for each of its leads."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, delete, exists, func, literal, or_, select, update

from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanId, Selection
from reconcile.domain.backfill.planned_change import PlannedLead
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.ids import LeadId, ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.workspace import Workspace
from reconcile.ports import ItemMove, ItemRow, SelectedCount, TokenSource
from reconcile.store.backfill.rows import move_row, move_statement, move_types, read_item, read_plan, read_planned
from reconcile.store.coordination.leases import Fence
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.db.json_rows import Rows
from reconcile.store.db.types import TEXT, Instant
from reconcile.store.leads.lead_query import LeadQuery
from reconcile.store.leads.selection_sql import is_selected, owner_of_booking
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.row_mapper import read_workspace, word
from reconcile.store.schema.tables import backfill, backfill_lead, lead_state, workspace_state

_P, _C = backfill.c, backfill_lead.c


class SqlBackfills:
    """Backfill plans in a database."""

    def __init__(self, database: Database, domain: DomainTables, tokens: TokenSource | None) -> None:
        self._database = database
        self._domain = domain
        self._tokens = tokens
        self._query = LeadQuery(domain)
        self._fence = Fence(domain.dialect)
        self._moves = Rows("moves", move_types(), dialect=domain.dialect)
        self._record = move_statement(self._moves)

    async def shares(self, selection: Selection) -> Sequence[SelectedCount]:
        """Return how many leads would be selected, by workspace and provider."""
        workspace_id, owner = self._domain.lead["workspace_id"].read, owner_of_booking(self._domain)
        found = (
            select(workspace_id.label("workspace_id"), owner.label("owner"))
            .select_from(self._domain.lead_source())
            .where(is_selected(self._domain, selection))
            .subquery()
        )
        grouped = select(found, func.count().label("leads")).group_by(*found.c).order_by(found.c.workspace_id)
        return [
            SelectedCount(workspace_id=row["workspace_id"], owner=word(ProviderName, row["owner"]), leads=row["leads"])
            for row in await self._database.rows(grouped)
        ]

    async def begin(self, plan: BackfillPlan, selection: Selection) -> bool:
        """Store *plan* with all leads of *selection*; return False if a plan with this id exists."""
        lead = self._domain.lead
        chosen = select(
            literal(plan.id, TEXT),
            lead["id"].read,
            lead["workspace_id"].read,
            owner_of_booking(self._domain),
            literal(ItemState.SELECTED.value, TEXT),
        )
        chosen = chosen.select_from(self._domain.lead_source()).where(is_selected(self._domain, selection))
        keys = ["plan_id", "lead_id", "workspace_id", "owner", "state"]
        made = {"id": plan.id, "made_at": plan.made_at, "asked": dict(plan.asked), "selected": 0}
        row = insert(backfill, self._database.dialect).values(**made, summary={}, held=[])
        async with self._database.write_connection() as connection:
            # RETURNING, because SQLite has no row count for an insert without effect.
            if (await connection.execute(row.on_conflict_do_nothing().returning(_P.id))).first() is None:
                return False
            # Leads of a deleted plan with this name may not be pruned yet.
            await connection.execute(delete(backfill_lead).where(_C.plan_id == plan.id))
            count = (await connection.execute(backfill_lead.insert().from_select(keys, chosen))).rowcount
            await connection.execute(update(backfill).where(_P.id == plan.id).values(selected=count))
        return True

    async def reset(self, selection: Selection, *, verified_before: datetime, dry_run: bool = False) -> tuple[int, int]:
        """Move the selected leads' watermarks back; return the numbers of selected and of moved leads."""
        verified_at = lead_state.c.verified_at
        is_later = or_(verified_at.is_(None), verified_at > verified_before, lead_state.c.attempted_at.is_not(None))
        chosen = (
            select(
                self._domain.lead["id"].read,
                self._domain.lead["workspace_id"].read,
                literal(verified_before, Instant()),
            )
            .select_from(self._domain.lead_source())
            .where(is_selected(self._domain, selection), is_later)
        )
        keys = ["lead_id", "workspace_id", "verified_at"]
        made = insert(lead_state, self._database.dialect).from_select(keys, chosen)
        earlier = func.min if not self._database.is_postgresql else func.least
        moved = {
            "verified_at": earlier(func.coalesce(verified_at, made.excluded.verified_at), made.excluded.verified_at),
            "attempted_at": None,
            "next_attempt_at": None,
        }
        everyone = select(func.count().label("all"), func.count().filter(is_later).label("later"))
        everyone = everyone.select_from(self._domain.lead_source()).where(is_selected(self._domain, selection))
        counted = await self._database.row(everyone)
        selected, later = (counted["all"], counted["later"]) if counted else (0, 0)
        if dry_run:
            return selected, later
        return selected, await self._database.change(made.on_conflict_do_update(index_elements=["lead_id"], set_=moved))

    async def plan(self, plan_id: PlanId) -> BackfillPlan | None:
        """Return one plan."""
        row = await self._database.row(select(backfill).where(_P.id == plan_id))
        return read_plan(row) if row else None

    async def plans(self, *, limit: int = 20) -> Sequence[BackfillPlan]:
        """Return the last plans, newest first."""
        newest = select(backfill).order_by(_P.made_at.desc(), _P.id.desc()).limit(limit)
        return [read_plan(row) for row in await self._database.rows(newest)]

    async def save(self, plan: BackfillPlan, *, before: BackfillPlan) -> bool:
        """Store the changeable fields of *plan* if they are stored as in *before*; return whether they were."""
        values = {
            "planned_at": plan.planned_at,
            "hash": plan.hash,
            "summary": dict(plan.summary),
            "held": list(plan.held),
            "approved_hash": plan.approved_hash,
            "applied_at": plan.applied_at,
        }
        is_same = (
            _P.id == plan.id,
            _P.planned_at.is_not_distinct_from(before.planned_at),
            _P.approved_hash.is_not_distinct_from(before.approved_hash),
            _P.applied_at.is_not_distinct_from(before.applied_at),
        )
        return bool(await self._database.change(update(backfill).where(*is_same).values(values)))

    async def counts(self, plan_id: PlanId) -> Mapping[ItemState, int]:
        """Return how many of its leads are in each state."""
        grouped = select(_C.state, func.count().label("leads")).where(_C.plan_id == plan_id).group_by(_C.state)
        rows = await self._database.rows(grouped)
        return {state: row["leads"] for row in rows if (state := word(ItemState, row["state"]))}

    async def left(self, plan_id: PlanId, state: ItemState) -> Mapping[WorkspaceId, int]:
        """Return how many leads are in *state*, by workspace."""
        grouped = select(_C.workspace_id, func.count().label("leads")).where(*_in(plan_id, state))
        rows = await self._database.rows(grouped.group_by(_C.workspace_id))
        return {WorkspaceId(row["workspace_id"]): row["leads"] for row in rows}

    async def runs(self, plan_id: PlanId) -> Sequence[RunId]:
        """Return the runs that applied changes of the plan, in order of their ids."""
        found = select(_C.run_id).where(*_in(plan_id, ItemState.APPLIED)).distinct().order_by(_C.run_id)
        return [RunId(row["run_id"]) for row in await self._database.rows(found)]

    async def moved(self, plan_id: PlanId, *, since: datetime) -> int:
        """Return how many of its leads were planned or applied since *since*."""
        counted = select(func.count().label("leads")).where(_C.plan_id == plan_id, _C.moved_at >= since)
        row = await self._database.row(counted)
        return row["leads"] if row else 0

    async def workspaces(
        self, plan_id: PlanId, state: ItemState, *, now: datetime | None = None
    ) -> Sequence[Workspace]:
        """Return the workspaces with leads in *state*, in key order; with *now*, only those that may be visited."""
        key = self._domain.workspace["id"]
        with_items = select(_C.workspace_id).where(*_in(plan_id, state))
        found = self._query.workspaces.where(key.read.in_(with_items)).order_by(key.column)
        if now is not None:
            not_before = workspace_state.c.not_before
            found = found.where(or_(not_before.is_(None), not_before <= now))
        return [read_workspace(row, self._domain.mapping, self._tokens) for row in await self._database.rows(found)]

    async def selected(
        self, plan_id: PlanId, workspace_id: WorkspaceId, *, limit: int, after: LeadId | None = None
    ) -> Sequence[Lead]:
        """Return up to *limit* leads to be looked up, in item order, after the given one."""
        rows = await self._items(_in(plan_id, ItemState.SELECTED), workspace_id, limit=limit, after=after)
        found = await self.leads([LeadId(row["lead_id"]) for row in rows])
        return [found[row["lead_id"]] for row in rows if row["lead_id"] in found]

    async def record(
        self, plan_id: PlanId, moves: Sequence[ItemMove], *, run_id: RunId, leases: Sequence[Lease], at: datetime
    ) -> None:
        """Store *moves* in one transaction; raises LeaseLost without writing anything."""
        rows = [{**move_row(move), "plan_id": plan_id, "run_id": run_id, "moved_at": at} for move in moves]
        async with self._database.write_connection() as connection:
            await self._fence.guard(connection, leases)
            if rows:
                await connection.execute(self._record, self._moves.parameter(rows))

    async def skip_gone(self, plan_id: PlanId, *, at: datetime) -> int:
        """Skip leads that no longer exist, or whose workspace does not; return their number."""
        lead, own = self._domain.lead, self._domain.workspace
        is_there = exists(
            select(1)
            .select_from(lead.table.join(own.table, own["id"].column == lead["workspace_id"].column))
            .where(lead["id"].read == _C.lead_id, self._domain.lead_exists(), self._domain.workspace_exists())
            .correlate(backfill_lead)
        )
        gone = update(backfill_lead).where(*_in(plan_id, ItemState.SELECTED), ~is_there)
        return await self._database.change(gone.values(state=ItemState.SKIPPED.value, reason="gone", moved_at=at))

    async def planned(
        self, plan_id: PlanId, workspace_id: WorkspaceId, *, limit: int, after: LeadId | None = None
    ) -> Sequence[PlannedLead]:
        """Return planned, not yet applied changes of a workspace's leads, in item order."""
        rows = await self._items(_in(plan_id, ItemState.PLANNED), workspace_id, limit=limit, after=after)
        return [found for row in rows if (found := read_planned(row))]

    async def leads(self, lead_ids: Sequence[LeadId]) -> Mapping[LeadId, Lead]:
        """Return leads by id; leads that no longer exist are left out."""
        if not lead_ids:
            return {}
        ids = self._query.ids.parameter([{"id": lead_id} for lead_id in lead_ids])
        async with self._database.read_connection() as connection:
            found = await self._query.fetch(connection, self._query.leads_by_id, ids)
        return {each.id: each for each in found.leads}

    async def items(
        self, plan_id: PlanId, *, states: Sequence[ItemState] = (), limit: int = 100, after: LeadId | None = None
    ) -> Sequence[ItemRow]:
        """Return a plan's leads in order of their ids, only those in *states* if given."""
        conditions: list[ColumnElement[bool]] = [_C.plan_id == plan_id]
        if states:
            conditions.append(_C.state.in_([state.value for state in states]))
        return [read_item(row) for row in await self._items(conditions, None, limit=limit, after=after)]

    async def _items(
        self,
        conditions: Sequence[ColumnElement[bool]],
        workspace_id: WorkspaceId | None,
        *,
        limit: int,
        after: LeadId | None,
    ) -> Sequence[RowMapping]:
        found = select(backfill_lead).where(*conditions)
        if workspace_id is not None:
            found = found.where(_C.workspace_id == workspace_id)
        if after is not None:
            found = found.where(_C.lead_id > after)
        return await self._database.rows(found.order_by(_C.lead_id).limit(limit))


def _in(plan_id: PlanId, state: ItemState) -> Sequence[ColumnElement[bool]]:
    return _C.plan_id == plan_id, _C.state == state.value
