"""Writes a batch in one transaction: fenced by its leases, and refused lead by lead where somebody else was quicker."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from sqlalchemy import BigInteger, Executable, cast, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.ids import LeadId
from reconcile.ports import BatchReceipt, BatchWrite, LeadWrite
from reconcile.store.coordination.leases import Fence
from reconcile.store.db.database import Database
from reconcile.store.db.db_errors import StoreBusy, StoreConflict, StoreRefused
from reconcile.store.db.types import TEXT
from reconcile.store.leads.batch_rows import BatchRows, Row, batch_rows
from reconcile.store.leads.lead_query import Fetched, LeadQuery
from reconcile.store.leads.write_statements import WriteStep, needs_own_id, new_id, steps
from reconcile.store.mapping.domain_tables import DomainTables

CONFLICTS = 2
"""How often a transaction that the database ended for another one's sake is tried again."""


class _AlreadyThere(Exception):
    """Somebody inserted appointments of these leads between our reading and our writing."""

    def __init__(self, lead_ids: frozenset[LeadId]) -> None:
        super().__init__()
        self.lead_ids = lead_ids


class _Rehearsed(Exception):
    """Rolls back what was only tried."""


class LeadWriter:
    """Writes batches; the number of its statements does not grow with their rows."""

    def __init__(self, database: Database, domain: DomainTables, query: LeadQuery) -> None:
        self._database = database
        self._domain = domain
        self._query = query
        self._fence = Fence(domain.dialect)
        self._folded: dict[tuple[str, ...], Executable] = {}

    @cached_property
    def _steps(self) -> Mapping[str, WriteStep]:
        """Made with the first batch: a run with nothing due writes none."""
        return steps(self._domain)

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Write *batch*; raise LeaseLost, having written nothing, where a lease is no longer ours."""
        conflicts, refused = 0, dict[LeadId, str]()
        is_searched, has_notes = False, True
        while True:
            try:
                known = _with_refusals(batch, refused)
                left_out = await self._settled(known, frozenset(refused), has_notes=has_notes)
            except StoreConflict:
                conflicts += 1
                if conflicts > CONFLICTS:
                    return await self._write_side_tables(batch, refused)
            except StoreBusy:
                return await self._write_side_tables(batch, refused)
            except StoreRefused as error:
                changed = {write.lead.id: str(error) for write in batch.writes if write.change}
                if not is_searched:
                    # Where no single change is at fault, the note of our look may be; else they are together.
                    is_searched, refused = True, await self._refused(batch, list(changed))
                    has_notes = bool(refused)
                elif has_notes:
                    has_notes = False
                elif len(refused) < len(changed):
                    refused = changed
                else:
                    return await self._write_side_tables(batch, refused)
            else:
                return BatchReceipt(drifted=left_out, refused=refused, gave_up=batch.gives_up)

    async def _write_side_tables(self, batch: BatchWrite, refused: Mapping[LeadId, str]) -> BatchReceipt:
        """Write what goes to our own tables only: one workspace's rows must not end the run of all, nor stay first."""
        changed = frozenset(write.lead.id for write in batch.writes if write.change)
        async with self._database.write_connection() as connection:
            known = _with_refusals(batch, refused)
            rows = batch_rows(known, self._domain.mapping, drifted=changed, spellings={})
            rows.attempts.clear()
            # Nobody has changed these rows: a plan is carried out when they can be written.
            rows.marks = [row for row in rows.marks if row["lead_id"] not in changed or row["lead_id"] in refused]
            await self._execute(connection, rows, batch)
        return BatchReceipt(drifted=changed, refused=refused, held_up=changed - refused.keys(), gave_up=batch.gives_up)

    async def _settled(self, batch: BatchWrite, left_out: frozenset[LeadId], *, has_notes: bool) -> frozenset[LeadId]:
        """Write *batch* without the changes of *left_out*, and return these with those that have drifted.

        *has_notes*: the customer's column of when we looked last is written as well.
        """
        while True:
            try:
                async with self._database.write_connection() as connection:
                    return await self._attempt(connection, batch, left_out, has_notes=has_notes)
            except _AlreadyThere as found:
                # The transaction is rolled back; each round leaves out more leads, so there is a last one.
                left_out |= found.lead_ids

    async def _refused(self, batch: BatchWrite, changed: list[LeadId]) -> dict[LeadId, str]:
        """Return which changes the database refuses, found by halving: one bad value must not hold up the others."""
        suspects = [changed]
        found: dict[LeadId, str] = {}
        while suspects:
            some = suspects.pop()
            try:
                await self._rehearse(batch, frozenset(changed) - frozenset(some))
            except StoreRefused as error:
                if len(some) == 1:
                    found[some[0]] = str(error)
                else:
                    suspects += [some[: len(some) // 2], some[len(some) // 2 :]]
        return found

    async def _rehearse(self, batch: BatchWrite, left_out: frozenset[LeadId]) -> None:
        """Write as ``_settled`` does, and roll back."""
        with suppress(_AlreadyThere, _Rehearsed):
            async with self._database.write_connection() as connection:
                await self._attempt(connection, batch, left_out, has_notes=False)
                raise _Rehearsed

    async def _attempt(
        self, connection: AsyncConnection, batch: BatchWrite, drifted: frozenset[LeadId], *, has_notes: bool
    ) -> frozenset[LeadId]:
        changed = [write for write in batch.writes if write.change and write.lead.id not in drifted]
        if changed and self._database.is_postgresql:
            # Who has lost its leases must not keep others waiting for rows that it may not write.
            await self._fence.guard(connection, batch.leases)
        found = await self._locked(connection, changed)
        drifted |= _drifted(changed, found)
        rows = batch_rows(batch, self._domain.mapping, drifted=drifted, spellings=found.spellings)
        if not has_notes:
            rows.attempts.clear()
        own = self._domain.appointment
        if own and needs_own_id(own):
            for row in rows.new_appointments:
                row["id"] = new_id()
        inserted = await self._execute(connection, rows, batch)
        if own and (missing := _missing(rows.new_appointments, inserted)):
            raise _AlreadyThere(missing)
        return drifted

    async def _locked(self, connection: AsyncConnection, writes: Sequence[LeadWrite]) -> Fetched:
        if not writes:
            return Fetched()
        ids = self._query.ids.parameter([{"id": write.lead.id} for write in writes])
        return await self._query.fetch(connection, self._query.leads_by_id, ids, lock=True)

    async def _execute(
        self, connection: AsyncConnection, rows: BatchRows, batch: BatchWrite
    ) -> AbstractSet[tuple[str, str]]:
        """Execute the steps that have rows, under the batch's leases; return which appointments were inserted."""
        todo = {key: step for key, step in self._steps.items() if getattr(rows, key)}
        parameters = {key: step.rows.parameter(getattr(rows, key)) for key, step in todo.items()}
        kept = [each for each in batch.leases if each not in batch.gives_up]
        if self._database.is_postgresql:
            together = {name: value for each in parameters.values() for name, value in each.items()}
            together |= self._fence.parameters(kept, batch.gives_up)
            found = (await connection.execute(self._fold(todo), together)).all()
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

    def _fold(self, todo: Mapping[str, WriteStep]) -> Executable:
        """Return all steps as one statement: one round trip instead of one for each table.

        Its rows are the leases that are held, and then the appointments that were inserted.
        """
        keys = tuple(todo)
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


def _with_refusals(batch: BatchWrite, refused: Mapping[LeadId, str]) -> BatchWrite:
    """Return *batch* so that a refused lead is left as one that failed, with its reason where operators look."""

    def known(write: LeadWrite) -> LeadWrite:
        why = refused.get(write.lead.id)
        if why is None:
            return write
        signature = write.signature_if_refused and replace(write.signature_if_refused, message=why)
        state = replace(write.state_if_refused, reason=why)
        return replace(write, state_if_drifted=state, signature=signature, refusal=why)

    return replace(batch, writes=tuple(map(known, batch.writes)))


def _drifted(writes: Sequence[LeadWrite], found: Fetched) -> frozenset[LeadId]:
    """Return the leads whose rows are no longer those that the change was planned from, or are gone."""
    current = {lead.id: lead for lead in found.leads}
    return frozenset(
        write.lead.id
        for write in writes
        if write.change and not (write.lead.id in current and current[write.lead.id].same_facts(write.change.lead))
    )


def _missing(sent: Sequence[Row], inserted: AbstractSet[tuple[str, str]]) -> frozenset[LeadId]:
    return frozenset(LeadId(row["lead_id"]) for row in sent if (row["lead_id"], row["appointment_id"]) not in inserted)
