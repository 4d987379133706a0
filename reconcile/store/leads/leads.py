"""Implements the port ``Leads``: due leads, writes, and the queries of operators' commands."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.coordination.shard import Shard
from reconcile.domain.due import DuePolicy, Priority, due
from reconcile.domain.ids import AppointmentId, LeadId, WorkspaceId
from reconcile.domain.lead import Lead, MismatchKind
from reconcile.domain.run.report import UNSEEN_AFTER, Freshness
from reconcile.domain.run.verification_ages import Ages
from reconcile.domain.workspace import Workspace
from reconcile.ports import BatchReceipt, BatchWrite, DueWorkspaces, TokenSource
from reconcile.store.db.database import Database
from reconcile.store.db.types import clean
from reconcile.store.leads import due_sql
from reconcile.store.leads.lead_query import LeadQuery
from reconcile.store.leads.lead_write import LeadWriter
from reconcile.store.ledger.figures import ages, unverified_count
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.readable import spelled_out
from reconcile.store.mapping.row_mapper import read_state, read_workspace, word
from reconcile.store.schema.tables import lead_state

AT_RISK_AFTER = timedelta(hours=1)
"""An upcoming appointment is at risk if it was not verified for this long."""

_EVERY_WORKSPACE = 1_000_000
_MOST_UNUSABLE = 5
"""The most leads with unreadable ids in one batch."""
_NEVER = datetime.min.replace(tzinfo=UTC)


class SqlLeads:
    """Leads in a database, through a mapping."""

    def __init__(self, database: Database, domain: DomainTables, tokens: TokenSource | None) -> None:
        self._database = database
        self._domain = domain
        self._tokens = tokens
        self._query = LeadQuery(domain)
        self._writer = LeadWriter(database, domain, self._query)

    async def due_workspaces(  # noqa: PLR0913 - the port's
        self,
        *,
        now: datetime,
        policy: DuePolicy,
        limit: int,
        only: WorkspaceId | None = None,
        exclude: frozenset[WorkspaceId] = frozenset(),
        shard: Shard | None = None,
        wrote_since: datetime | None = None,
    ) -> DueWorkspaces:
        """Return workspaces that have due leads and are not waiting (``not_before``), longest unvisited first."""
        if only is not None and not self._domain.workspace["id"].accepts(only):
            return DueWorkspaces(workspaces=(), eligible_count=0)
        asked = {
            **due_sql.instants(now, policy, wrote_since=wrote_since),
            **self._query.excluded.parameter([{"id": workspace_id} for workspace_id in sorted(exclude)]),
            "only": only,
        }
        # The database cannot compute our hash: all rows are read, and the shard and the limit are applied here.
        most = max(limit, 1) if shard is None else _EVERY_WORKSPACE
        rows = await self._usable_rows({**asked, "limit": most})
        if not rows:
            waiting = await self._database.row(self._query.waiting_workspaces, asked)
            return DueWorkspaces(workspaces=(), eligible_count=0, waiting_count=waiting["count"] if waiting else 0)
        if shard is not None:
            share = [row for row in rows if shard.holds(WorkspaceId(spelled_out(row["id"])))]
            return DueWorkspaces(
                workspaces=tuple(read_workspace(row, self._domain.mapping, self._tokens) for row in share[:limit]),
                eligible_count=len(share),
            )
        return DueWorkspaces(
            workspaces=tuple(read_workspace(row, self._domain.mapping, self._tokens) for row in rows[:limit]),
            eligible_count=rows[0]["eligible_count"],
        )

    async def _usable_rows(self, asked: dict[str, Any]) -> Sequence[RowMapping]:
        """Return the rows of due workspaces without those whose ids cannot be read, which stay unvisited.

        Nobody can ask for the leads of such a workspace, and its visit cannot be noted: it would be the first for ever.
        """
        is_usable, most = self._domain.workspace["id"].is_key, asked["limit"]
        while True:
            rows = await self._database.rows(self._query.due_workspaces, asked)
            usable = [row for row in rows if is_usable(row["id"])]
            if len(usable) >= most or len(rows) < asked["limit"]:
                return usable[:most]
            asked = {**asked, "limit": 2 * most + len(rows)}

    async def due_leads(  # noqa: PLR0913 - the port's
        self,
        workspace_id: WorkspaceId,
        *,
        now: datetime,
        policy: DuePolicy,
        limit: int,
        after: LeadId | None = None,
        wrote_since: datetime | None = None,
    ) -> Sequence[Lead]:
        """Return due leads, hot before warm, by ``attempted_at`` (nulls first), then id; with *after*, by id alone.

        Those whose ids cannot be read come last, at most a few, and beside the *limit*: the queue's order does not
        move them.
        """
        instants = due_sql.instants(now, policy, wrote_since=wrote_since)
        parameters = {**instants, "workspace_id": workspace_id, "limit": limit}
        statement = self._query.due_leads
        if after is not None:
            statement = self._query.due_leads_after if after else self._query.due_leads_by_id
            parameters |= {"after": after} if after else {}
        async with self._database.read_connection() as connection:
            found = await self._query.fetch(connection, statement, parameters)
            while len(found.leads) < limit and found.row_count == parameters["limit"]:
                parameters["limit"] = 2 * limit + found.row_count
                found = await self._query.fetch(connection, statement, parameters)
            unusable = await self._with_memory(connection, found.unusable)
        waiting = sorted(
            (each for each in unusable if isinstance(due(each, now=now, policy=policy), Priority)),
            key=lambda each: (each.state.attempted_at or _NEVER, each.id),
        )
        return [*found.leads[:limit], *waiting[:_MOST_UNUSABLE]]

    async def _with_memory(self, connection: AsyncConnection, leads: Sequence[Lead]) -> Sequence[Lead]:
        """Return *leads*, which have unreadable ids, with their stored state."""
        if not leads:
            return ()
        ids = self._query.ids.parameter([{"id": lead.id} for lead in leads])
        rows = (await connection.execute(self._query.states, ids)).mappings()
        states = {row["lead_id"]: read_state(row) for row in rows}
        return [replace(lead, state=states.get(clean(lead.id), lead.state)) for lead in leads]

    async def lead(self, lead_id: LeadId) -> Lead | None:
        """Return one lead with its appointments and its stored state."""
        if not self._domain.lead["id"].accepts(lead_id):
            return None
        async with self._database.read_connection() as connection:
            parameters = self._query.ids.parameter([{"id": lead_id}])
            found = await self._query.fetch(connection, self._query.leads_by_id, parameters)
        return found.leads[0] if found.leads else None

    async def workspace(self, workspace_id: WorkspaceId) -> Workspace | None:
        """Return one workspace."""
        key = self._domain.workspace["id"]
        if not key.accepts(workspace_id):
            return None
        row = await self._database.row(self._query.workspaces.where(key.read == workspace_id))
        return read_workspace(row, self._domain.mapping, self._tokens) if row else None

    async def workspace_count(self) -> int:
        """Return the number of active workspaces."""
        statement = select(func.count().label("n")).select_from(self._domain.workspace.table)
        row = await self._database.row(statement.where(self._domain.is_active()))
        return int(row["n"]) if row else 0

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Write a batch in one transaction; changes whose leads have changed since are refused."""
        return await self._writer.write(batch)

    async def control_leads(self, workspace_id: WorkspaceId, *, limit: int) -> Sequence[Lead]:
        """Return leads of a workspace whose booking is active and was seen, most recently seen first."""
        async with self._database.read_connection() as connection:
            parameters = {"workspace_id": workspace_id, "limit": limit}
            return (await self._query.fetch(connection, self._query.control_leads, parameters)).leads

    async def holders(
        self, workspace_id: WorkspaceId, appointment_ids: Sequence[AppointmentId]
    ) -> Mapping[AppointmentId, LeadId]:
        """Return which leads of a workspace hold these bookings."""
        ids = self._query.ids.parameter([{"id": each} for each in appointment_ids])
        rows = await self._database.rows(self._query.holders, {**ids, "workspace_id": workspace_id})
        return {AppointmentId(row["booking_id"]): LeadId(row["id"]) for row in reversed(rows)}

    async def quarantined(self, *, workspace_id: WorkspaceId | None = None, limit: int = 100) -> Sequence[Lead]:
        """Return leads in quarantine, longest first."""
        return await self._set_aside(lead_state.c.quarantined_at, workspace_id, limit)

    async def release(self, lead_ids: Sequence[LeadId] | None, *, workspace_id: WorkspaceId | None = None) -> int:
        """Release the named leads (None: all, of one workspace if named) from quarantine; return how many."""
        statement = update(lead_state).where(lead_state.c.quarantined_at.is_not(None))
        parameters: dict[str, Any] = {}
        if lead_ids is not None:
            statement = statement.where(lead_state.c.lead_id.in_(select(self._query.ids["id"])))
            parameters = self._query.ids.parameter([{"id": lead_id} for lead_id in lead_ids])
        if workspace_id is not None:
            statement = statement.where(lead_state.c.workspace_id == workspace_id)
        released = {"quarantined_at": None, "next_attempt_at": None, "failure_count": 0, "reason": None}
        return await self._database.change(statement.values(released), parameters)

    async def mismatched(self, *, workspace_id: WorkspaceId | None = None, limit: int = 100) -> Sequence[Lead]:
        """Return leads with a difference that was found and not repaired, longest first."""
        return await self._set_aside(lead_state.c.mismatch_at, workspace_id, limit)

    async def mismatch_counts(self) -> Mapping[MismatchKind, int]:
        """Return the number of unrepaired differences by kind."""
        kind = lead_state.c.mismatch
        rows = await self._database.rows(
            select(kind, func.count().label("leads")).where(kind.is_not(None)).group_by(kind)
        )
        counts = {word(MismatchKind, row["mismatch"]): int(row["leads"]) for row in rows}
        return {known: count for known, count in counts.items() if known is not None}

    async def freshness(self, *, now: datetime, policy: DuePolicy) -> Freshness:
        """Return how long ago the leads with a booking were verified, and how many leads are due."""
        source, verified_at = self._domain.lead_source(), lead_state.c.verified_at
        is_booked = self._domain.lead_column("booking_id").is_not(None)
        counted = (
            select(
                func.count().filter(is_booked, verified_at.is_not(None)).label("verified"),
                func.count().filter(due_sql.is_never_verified(self._domain)).label("never_verified"),
                func.min(verified_at).filter(is_booked).label("oldest"),
                func.count().filter(due_sql.is_due(self._domain)).label("due"),
                func.count().filter(due_sql.is_overdue(self._domain)).label("overdue"),
                func.count().filter(due_sql.is_unseen(self._domain)).label("unseen"),
            )
            .select_from(source)
            .where(self._domain.lead_exists())
        )
        async with self._database.read_connection() as connection:
            asked = due_sql.instants(now, policy, wrote_since=now - UNSEEN_AFTER)
            row = (await connection.execute(counted, asked)).mappings().one()
            middle = (
                select(verified_at)
                .select_from(source)
                .where(is_booked, verified_at.is_not(None), self._domain.lead_exists())
                .order_by(verified_at)
                .offset(max(row["verified"] - 1, 0) // 2)
                .limit(1)
            )
            median = (await connection.execute(middle)).scalar() if row["verified"] else None
        return Freshness(
            oldest=now - row["oldest"] if row["oldest"] else None,
            median=now - median if median else None,
            never_verified=row["never_verified"],
            due=row["due"],
            overdue=row["overdue"],
            unseen=row["unseen"],
        )

    async def at_risk_count(self, *, now: datetime, policy: DuePolicy) -> int:
        """Return the number of leads with a stored meeting within 24 h that were not verified within the last hour."""
        statement = (
            select(func.count().label("leads"))
            .select_from(self._domain.lead_source())
            .where(due_sql.meets_soon(self._domain), _is_unverified(since=now - AT_RISK_AFTER))
            .where(self._domain.lead_exists())
        )
        row = await self._database.row(statement, due_sql.instants(now, policy))
        return int(row["leads"]) if row else 0

    async def at_risk(self, *, now: datetime, policy: DuePolicy, limit: int) -> Sequence[Lead]:
        """Return those leads, the next meeting first."""
        starts_at = self._domain.lead_column("booking_starts_at")
        statement = (
            self._query.leads.where(due_sql.meets_soon(self._domain), _is_unverified(since=now - AT_RISK_AFTER))
            .order_by(starts_at, self._domain.lead["id"].column)
            .limit(limit)
        )
        async with self._database.read_connection() as connection:
            return (await self._query.fetch(connection, statement, due_sql.instants(now, policy))).leads

    async def ages(self, *, now: datetime, policy: DuePolicy, limit: int) -> Ages:
        """Return how long ago leads were verified, by workspace: the *limit* worst ones, and a sum of all others."""
        return await ages(self._database, self._domain, now=now, policy=policy, limit=limit)

    async def unverified_count(self, *, since: datetime) -> tuple[int, int]:
        """Return how many leads with a booking were not verified since *since*, and how many have one."""
        return await unverified_count(self._database, self._domain, since=since)

    async def _set_aside(
        self, since: ColumnElement[Any], workspace_id: WorkspaceId | None, limit: int
    ) -> Sequence[Lead]:
        statement = self._query.leads.where(since.is_not(None)).order_by(since, lead_state.c.lead_id).limit(limit)
        if workspace_id is not None:
            statement = statement.where(lead_state.c.workspace_id == workspace_id)
        async with self._database.read_connection() as connection:
            return (await self._query.fetch(connection, statement, {})).leads


def _is_unverified(*, since: datetime) -> ColumnElement[bool]:
    verified_at = lead_state.c.verified_at
    return verified_at.is_(None) | (verified_at < since)
