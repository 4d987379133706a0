"""The queries for leads and workspaces, built once for a database's tables."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, cast, func, not_, null, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.appointment import Appointment
from reconcile.domain.ids import AppointmentId, LeadId
from reconcile.domain.lead import Lead
from reconcile.store.db.json_rows import Rows
from reconcile.store.db.types import TEXT
from reconcile.store.leads import due_sql
from reconcile.store.mapping.domain_tables import APPOINTMENT_FACTS, LEAD_FACTS, DomainTables
from reconcile.store.mapping.mapping import WORKSPACE_FIELDS
from reconcile.store.mapping.readable import readable
from reconcile.store.mapping.row_mapper import read_appointment, read_lead, read_unusable_lead
from reconcile.store.schema.tables import appointment_state, lead_state, workspace_state

STATE_COLUMNS = (
    *("attempted_at", "verified_at", "next_attempt_at", "failure_count", "quarantined_at", "reason", "absent_since"),
    *("mismatch", "mismatch_at", "occurrence"),
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """Leads as read, and the customer's spelling of each appointment's id."""

    leads: Sequence[Lead] = ()
    spellings: Mapping[tuple[LeadId, AppointmentId], str] = field(default_factory=dict)
    unusable: Sequence[Lead] = ()
    """Leads with unreadable ids, which no statement can refer to."""

    @property
    def row_count(self) -> int:
        """How many rows were found."""
        return len(self.leads) + len(self.unusable)


class Lock(Enum):
    """How a statement treats rows that another transaction has locked."""

    WAIT = auto()
    SKIP = auto()
    """Locked rows are left out (PostgreSQL)."""
    FAIL = auto()
    """The statement fails at once (PostgreSQL)."""


class LeadQuery:
    """Statements with named parameters; each is built on first use."""

    def __init__(self, domain: DomainTables) -> None:
        self._domain = domain
        self.ids = Rows("ids", {"id": TEXT}, dialect=domain.dialect)
        self.excluded = Rows("excluded", {"id": TEXT}, dialect=domain.dialect)

    async def fetch(
        self,
        connection: AsyncConnection,
        statement: Select[Any],
        parameters: Mapping[str, Any],
        *,
        lock: Lock | None = None,
    ) -> Fetched:
        """Return the leads that *statement* finds, each with its appointments: two statements, however many leads.

        With a *lock*, no other transaction can write these rows until the transaction ends.
        """
        own = self._domain.appointment
        how = {"nowait": lock is Lock.FAIL, "skip_locked": lock is Lock.SKIP}
        if lock:
            statement = statement.with_for_update(of=self._domain.lead.table, **how)
        rows = (await connection.execute(statement, parameters)).mappings().all()
        if not rows:
            return Fetched()
        is_usable = self._domain.lead["id"].is_key
        ids = self.ids.parameter([{"id": row["id"]} for row in rows if is_usable(row["id"])])
        question = self.appointments
        if lock and own:
            question = question.with_for_update(of=own.table, **how)
        appointments: dict[str, dict[AppointmentId, Appointment]] = defaultdict(dict)
        spellings: dict[tuple[LeadId, AppointmentId], str] = {}
        faults: dict[str, list[str]] = defaultdict(list)
        mapping = self._domain.mapping
        for stored in (await connection.execute(question, ids)).mappings():
            row, fault = readable(stored, mapping.appointment, beside="reconcile_appointment_state")
            if fault:
                faults[row["lead_id"]].append(fault)
            appointment = read_appointment(row, mapping)
            if appointment and appointment.id not in appointments[row["lead_id"]]:
                appointments[row["lead_id"]][appointment.id] = appointment
                spellings[LeadId(row["lead_id"]), appointment.id] = row["appointment_id"]
        leads = [
            read_lead(row, appointments[row["id"]].values(), mapping, faults=faults.get(row["id"], ()))
            for row in rows
            if is_usable(row["id"])
        ]
        unusable = [read_unusable_lead(row, mapping) for row in rows if not is_usable(row["id"])]
        return Fetched(leads, spellings, unusable)

    async def fetch_alone(self, connection: AsyncConnection, lead_ids: Sequence[LeadId]) -> Sequence[Lead]:
        """Return these leads without their appointments: one statement, which locks nothing."""
        parameters = self.ids.parameter([{"id": each} for each in lead_ids])
        rows = (await connection.execute(self.leads_by_id, parameters)).mappings().all()
        return [read_lead(row, (), self._domain.mapping) for row in rows]

    def _lead_id(self, name: str) -> ColumnElement[Any]:
        """Return the parameter *name*, a lead's id as text, in the type of the customer's column."""
        return self._domain.lead["id"].native(bindparam(name, type_=TEXT))

    @cached_property
    def leads(self) -> Select[Any]:
        """Selects all leads with their stored state; callers add conditions."""
        domain = self._domain
        facts = ("email", *LEAD_FACTS, "in_sequence", "last_inbound_at")
        return (
            select(
                domain.lead["id"].read.label("id"),
                domain.lead["workspace_id"].read.label("workspace_id"),
                *(domain.lead_column(name).label(name) for name in facts),
                lead_state.c.booking_status.label("booking_status_exact"),
                *(lead_state.c[name].label(name) for name in STATE_COLUMNS),
            )
            .select_from(domain.lead_source())
            .where(domain.lead_exists())
        )

    @cached_property
    def appointments(self) -> Select[Any]:
        """Selects the appointments of the given leads."""
        domain = self._domain
        own = domain.appointment
        lead_id = own["lead_id"] if own else None
        wanted = lead_id.native(self.ids["id"]) if lead_id else self.ids["id"]
        column = lead_id.column if lead_id else appointment_state.c.lead_id
        key = own["appointment_id"].read if own else appointment_state.c.appointment_id
        return (
            select(
                (lead_id.read if lead_id else appointment_state.c.lead_id).label("lead_id"),
                key.label("appointment_id"),
                *(domain.appointment_column(name).label(name) for name in APPOINTMENT_FACTS),
                appointment_state.c.status.label("status_exact"),
            )
            .select_from(domain.appointment_source())
            .where(column.in_(select(wanted).select_from(self.ids.table)))
            .where(true() if own is None or own.where is None else own.where)
            .order_by(column, key)
        )

    @cached_property
    def due_leads(self) -> Select[Any]:
        """Selects due leads of one workspace, most urgent first."""
        ordered = self._due_of_workspace.order_by(
            due_sql.priority(self._domain), lead_state.c.attempted_at.nulls_first(), self._domain.lead["id"].column
        )
        return ordered.limit(bindparam("limit"))

    @cached_property
    def due_leads_by_id(self) -> Select[Any]:
        """Selects due leads of one workspace by id."""
        return self._due_of_workspace.order_by(self._domain.lead["id"].column).limit(bindparam("limit"))

    @cached_property
    def due_leads_after(self) -> Select[Any]:
        """The same, with ids greater than a given one."""
        return self.due_leads_by_id.where(self._domain.lead["id"].column > self._lead_id("after"))

    @cached_property
    def states(self) -> Select[Any]:
        """Selects the stored state of the given leads."""
        columns = (lead_state.c[name] for name in ("lead_id", *STATE_COLUMNS))
        return select(*columns).where(lead_state.c.lead_id.in_(select(self.ids["id"]).select_from(self.ids.table)))

    @cached_property
    def _due_of_workspace(self) -> Select[Any]:
        lead = self._domain.lead
        workspace_id = lead["workspace_id"].native(bindparam("workspace_id", type_=TEXT))
        return self.leads.where(lead["id"].column.in_(due_sql.due_lead_ids(self._domain, workspace_id)))

    @cached_property
    def control_leads(self) -> Select[Any]:
        """Selects leads of one workspace whose booking is active and was seen in their last look-up."""
        lead, state = self._domain.lead, lead_state.c
        is_seen = and_(state.verified_at.is_not(None), state.absent_since.is_(None), state.mismatch.is_(None))
        is_standing = and_(not_(self._domain.lead_lacks("booking_id")), self._domain.lead_lacks("booking_canceled_at"))
        workspace_id = lead["workspace_id"].native(bindparam("workspace_id", type_=TEXT))
        return (
            self.leads.where(lead["workspace_id"].column == workspace_id, is_seen, is_standing, state.reason.is_(None))
            .order_by(state.verified_at.desc(), lead["id"].column)
            .limit(bindparam("limit"))
        )

    @cached_property
    def holders(self) -> Select[Any]:
        """Selects the given bookings, each with the leads of one workspace that hold it."""
        domain = self._domain
        booking_id = domain.lead_column("booking_id")
        workspace_id = domain.lead["workspace_id"].native(bindparam("workspace_id", type_=TEXT))
        return (
            select(booking_id.label("booking_id"), domain.lead["id"].read.label("id"))
            .select_from(domain.lead_source())
            .where(domain.lead["workspace_id"].column == workspace_id, domain.lead_exists())
            .where(booking_id.in_(select(self.ids["id"]).select_from(self.ids.table)))
            .order_by(domain.lead["id"].column)
        )

    @cached_property
    def leads_by_id(self) -> Select[Any]:
        """Selects the given leads in key order."""
        key = self._domain.lead["id"]
        wanted = select(key.native(self.ids["id"])).select_from(self.ids.table)
        return self.leads.where(key.column.in_(wanted)).order_by(key.column)

    @cached_property
    def workspaces(self) -> Select[Any]:
        """Selects all workspaces with the time of their last visit."""
        own = self._domain.workspace
        names = [name for name in WORKSPACE_FIELDS if name not in {"id", "active"}]
        return (
            select(
                own["id"].read.label("id"),
                *(own.read(name, cast(null(), TEXT)).label(name) for name in names),
                workspace_state.c.visited_at,
                workspace_state.c.not_before,
            )
            .select_from(own.table.outerjoin(workspace_state, workspace_state.c.workspace_id == own["id"].read))
            .where(self._domain.workspace_exists())
        )

    @cached_property
    def due_workspaces(self) -> Select[Any]:
        """Selects workspaces with due leads, longest unvisited first; each row has their total number."""
        is_free = or_(workspace_state.c.not_before.is_(None), workspace_state.c.not_before <= due_sql.NOW)
        return (
            self.workspaces.add_columns(func.count().over().label("eligible_count"))
            .where(is_free, *self._has_due_leads())
            .order_by(workspace_state.c.visited_at.nulls_first(), self._domain.workspace["id"].column)
            .limit(bindparam("limit"))
        )

    @cached_property
    def waiting_workspaces(self) -> Select[Any]:
        """Counts workspaces with due leads that wait for ``not_before``."""
        is_waiting = workspace_state.c.not_before > due_sql.NOW
        found = self.workspaces.where(is_waiting, *self._has_due_leads()).subquery()
        return select(func.count().label("count")).select_from(found)

    def _has_due_leads(self) -> Sequence[ColumnElement[bool]]:
        own = self._domain.workspace
        only = bindparam("only", type_=TEXT)
        return (
            self._domain.is_active(),
            own["id"].read.not_in(select(self.excluded["id"]).select_from(self.excluded.table)),
            or_(cast(only, TEXT).is_(None), own["id"].read == only),
            due_sql.has_due_leads(self._domain, own["id"].column),
        )
