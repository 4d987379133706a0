"""Executes the statements that write a batch, under its leases."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from sqlalchemy import BigInteger, Executable, cast, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.ports import BatchWrite, LeadWrite
from reconcile.store.coordination.leases import Fence
from reconcile.store.db.database import Database
from reconcile.store.db.types import TEXT
from reconcile.store.leads.batch_rows import BatchRows, Row
from reconcile.store.leads.lead_query import Fetched, LeadQuery, Lock
from reconcile.store.leads.ledger_statements import WriteStep
from reconcile.store.leads.write_statements import needs_own_id, new_id, steps
from reconcile.store.mapping.domain_tables import DomainTables


class NotInserted(Exception):
    """A new appointment was skipped without an error, by a unique key, a trigger or a rule of the customer's."""


class BatchExecution:
    """Locks rows and executes the statements of a batch; their number does not grow with its rows."""

    def __init__(self, database: Database, domain: DomainTables, query: LeadQuery) -> None:
        self._database = database
        self._domain = domain
        self._query = query
        self._fence = Fence(domain.dialect)
        self._folded: dict[tuple[bool, tuple[str, ...]], Executable] = {}

    @cached_property
    def _steps(self) -> Mapping[str, WriteStep]:
        """Built with the first batch: a run with nothing due needs none."""
        return steps(self._domain)

    @cached_property
    def _strict_steps(self) -> Mapping[str, WriteStep]:
        """The same steps, in which a conflict of a new appointment is an error that names the unique key."""
        return steps(self._domain, names_conflicts=True)

    async def _insert_checked(
        self, connection: AsyncConnection, rows: BatchRows, batch: BatchWrite, *, names_conflicts: bool = False
    ) -> None:
        own = self._domain.appointment
        if own and needs_own_id(own):
            for row in rows.new_appointments:
                row["id"] = new_id()
        inserted = await self._execute(connection, rows, batch, names_conflicts=names_conflicts)
        if own and _missing(rows.new_appointments, inserted):
            raise NotInserted

    async def _locked(
        self, connection: AsyncConnection, writes: Sequence[LeadWrite], *, lock: Lock | None = Lock.WAIT
    ) -> Fetched:
        if not writes:
            return Fetched()
        ids = self._query.ids.parameter([{"id": write.lead.id} for write in writes])
        return await self._query.fetch(connection, self._query.leads_by_id, ids, lock=lock)

    async def _execute(
        self, connection: AsyncConnection, rows: BatchRows, batch: BatchWrite, *, names_conflicts: bool = False
    ) -> AbstractSet[tuple[str, str]]:
        """Execute the steps that have rows, under the batch's leases; return which appointments were inserted."""
        known = self._strict_steps if names_conflicts else self._steps
        todo = {key: step for key, step in known.items() if getattr(rows, key)}
        parameters = {key: step.rows.parameter(getattr(rows, key)) for key, step in todo.items()}
        kept = [each for each in batch.leases if each not in batch.gives_up]
        if self._database.is_postgresql:
            together = {name: value for each in parameters.values() for name, value in each.items()}
            together |= self._fence.parameters(kept, batch.gives_up)
            found = (await connection.execute(self._fold(todo, names_conflicts=names_conflicts), together)).all()
            self._fence.check(batch.leases, [(name, token) for name, token, _, _ in found])
            return {(lead_id, appointment_id) for _, _, lead_id, appointment_id in found}
        await self._fence.guard(connection, kept)
        inserted: set[tuple[str, str]] = set()
        for key, step in todo.items():
            result = await connection.execute(step.statement, parameters[key])
            if key == "new_appointments":
                inserted = {(row.lead_id, row.appointment_id) for row in result}
        await self._fence.release(connection, batch.gives_up)
        return inserted

    def _fold(self, todo: Mapping[str, WriteStep], *, names_conflicts: bool) -> Executable:
        """Return all steps as one statement: one round trip instead of one for each table.

        Its rows are the leases that are held, and then the appointments that were inserted.
        """
        keys = (names_conflicts, tuple(todo))
        if keys not in self._folded:
            parts = {key: step.statement.cte(f"do_{key}") for key, step in todo.items()}
            nothing = cast(null(), TEXT)
            held = [self._fence.hold.cte("hold_leases"), self._fence.give_up.cte("do_give_up_leases")]
            asked = [select(each.c.name, each.c.token, nothing, nothing) for each in held]
            if (inserted := parts.get("new_appointments")) is not None:
                none = cast(null(), BigInteger)
                asked.append(select(nothing, none, inserted.c.lead_id, inserted.c.appointment_id))
            self._folded[keys] = union_all(*asked).add_cte(*parts.values())
        return self._folded[keys]


def _missing(sent: Sequence[Row], inserted: AbstractSet[tuple[str, str]]) -> bool:
    return any((row["lead_id"], row["appointment_id"]) not in inserted for row in sent)
