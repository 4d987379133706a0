"""Writes a batch in one transaction, fenced by its leases; a lead that was changed concurrently is refused alone."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.ids import LeadId
from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.ports import BatchReceipt, BatchWrite, LeadWrite
from reconcile.store.db.db_errors import StoreBusy, StoreConflict, StoreRefused, refusal, translated
from reconcile.store.leads.batch_execution import BatchExecution, NotInserted
from reconcile.store.leads.batch_rows import BatchRows, add_totals, batch_rows, lead_rows
from reconcile.store.leads.lead_query import Fetched, Lock
from reconcile.store.leads.write_statements import CUSTOMER_STEPS

CONFLICTS = 2
"""How often a transaction is repeated that the database rolled back in favor of a concurrent one."""
_ISOLATION = (
    text("SET CONSTRAINTS ALL IMMEDIATE"),
    text("SELECT set_config('lock_timeout', '1s', true), set_config('statement_timeout', '5s', true)"),
)
"""A deferred constraint would refuse the whole batch at the commit; the time limits are for the rows of one lead."""
_HIDDEN = "the database allows reading a lead's rows but not changing them: check its row-level security policies"
_NOT_INSERTED = "the database skips a new appointment without an error: check the triggers and rules of its table"


Failure = NotInserted | StoreBusy | StoreConflict | StoreRefused | SettingsError
"""The errors that prevent the write of one lead's rows."""


class _TransactionEnded(Exception):
    """A refusal has ended the transaction with all savepoints, as a trigger on SQLite may do."""


class _Hidden(Exception):
    """A lead could not be locked: it was deleted, or a policy hides it from writers."""


@dataclass(slots=True)
class _LeftOut:
    """Leads whose changes are not written; *has_notes*: the customer's column for ``attempted_at`` is written."""

    refused: dict[LeadId, str] = field(default_factory=dict)
    drifted: set[LeadId] = field(default_factory=set)
    held_up: set[LeadId] = field(default_factory=set)
    has_notes: bool = True

    @property
    def ids(self) -> frozenset[LeadId]:
        return frozenset(self.refused) | self.drifted | self.held_up

    def leave_out(self, lead_ids: Iterable[LeadId], failure: Failure) -> None:
        """Leave out the changes of these leads, whose write caused *failure*."""
        if isinstance(failure, StoreRefused | SettingsError):
            self.refused |= dict.fromkeys(lead_ids, refusal(failure))
        elif isinstance(failure, NotInserted):
            self.refused |= dict.fromkeys(lead_ids, _NOT_INSERTED)
        else:
            self.held_up.update(lead_ids)

    def __contains__(self, lead_id: LeadId) -> bool:
        return lead_id in self.refused or lead_id in self.drifted or lead_id in self.held_up


class LeadWriter(BatchExecution):
    """Writes batches; the number of statements does not grow with the rows, unless one of them is refused."""

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Write *batch*; raises LeaseLost without writing anything if a lease was lost.

        All rows are written in one transaction, with one statement for each table. If that is refused, it is repeated
        lead by lead under savepoints, so that a refusal affects one lead only.
        """
        for _ in range(CONFLICTS + 1):
            try:
                return await self._write_together(batch)
            except StoreConflict:
                continue
            except (StoreRefused, StoreBusy, SettingsError, NotInserted, _Hidden):
                break
        left = _LeftOut()
        while True:
            try:
                return await self._write_isolated(batch, left)
            except _TransactionEnded:
                continue  # each time without one more lead, or without the notes
            except (StoreRefused, StoreBusy, StoreConflict) as error:
                # Refused outside a savepoint, for example by the commit: the customer's tables are not written.
                changed = [write.lead.id for write in batch.writes if write.change and write.lead.id not in left]
                if not changed:
                    raise
                left.leave_out(changed, error)
                left.has_notes = False

    async def _write_together(self, batch: BatchWrite) -> BatchReceipt:
        async with self._database.write_connection() as connection:
            changed = [write for write in batch.writes if write.change]
            if changed and self._database.is_postgresql:
                # A process without its leases must not lock rows that others wait for.
                await self._fence.guard(connection, batch.leases)
            found = await self._locked(connection, changed)
            drifted = _drifted(changed, found)
            if drifted - {lead.id for lead in found.leads}:
                raise _Hidden
            drifted |= await self._mistaken(connection, batch)
            rows = batch_rows(batch, self._domain.mapping, drifted=drifted, spellings=found.spellings)
            await self._insert_checked(connection, rows, batch)
        return BatchReceipt(drifted=drifted, gave_up=batch.gives_up)

    async def _write_isolated(self, batch: BatchWrite, left: _LeftOut) -> BatchReceipt:
        """Write *batch* without the changes in *left*, and add each refused one to *left*."""
        async with self._database.write_connection() as connection:
            await self._fence.guard(connection, batch.leases)
            if self._database.is_postgresql:
                for statement in _ISOLATION:
                    await connection.execute(statement)
            changed = [write for write in batch.writes if write.change and write.lead.id not in left]
            found = await self._locked(connection, changed, lock=Lock.SKIP)
            await self._leave_out_moved(connection, changed, found, left)
            left.drifted |= await self._mistaken(connection, batch)
            for write in sorted(batch.writes, key=lambda each: each.lead.id):
                await self._write_alone(connection, write, batch, found, left)
            await self._write_ours(connection, batch, found, left)
        return BatchReceipt(
            drifted=left.ids, refused=left.refused, held_up=frozenset(left.held_up), gave_up=batch.gives_up
        )

    async def _mistaken(self, connection: AsyncConnection, batch: BatchWrite) -> frozenset[LeadId]:
        """Return the leads that must not be stamped as verified: the look-up used facts that have changed since.

        These are the workspace, the contact, the e-mail address and the booking.
        """
        stamped = [each for each in batch.writes if not each.change and _is_stamped(each)]
        if not stamped:
            return frozenset()
        current = {each.id: each for each in await self._query.fetch_alone(connection, [w.lead.id for w in stamped])}
        return frozenset(
            each.lead.id
            for each in stamped
            if not (each.lead.id in current and current[each.lead.id].same_subject(each.lead))
        )

    async def _leave_out_moved(
        self, connection: AsyncConnection, changed: Sequence[LeadWrite], found: Fetched, left: _LeftOut
    ) -> None:
        """Leave out the leads that differ from what was read, or of which a row is locked or hidden."""
        if not (moved := _drifted(changed, found)):
            return
        suspects = [write for write in changed if write.lead.id in moved]
        drifted = _drifted(suspects, await self._locked(connection, suspects, lock=None))
        left.drifted |= drifted
        suspects = [write for write in suspects if write.lead.id not in drifted]
        hidden = frozenset[LeadId]()
        with suppress(StoreBusy):
            async with connection.begin_nested():
                with translated():
                    hidden = _drifted(suspects, await self._locked(connection, suspects, lock=Lock.FAIL))
        left.refused |= dict.fromkeys(hidden, _HIDDEN)
        left.held_up |= moved - drifted - hidden

    async def _write_alone(
        self, connection: AsyncConnection, write: LeadWrite, batch: BatchWrite, found: Fetched, left: _LeftOut
    ) -> None:
        """Write one lead's rows of the customer's tables under a savepoint: its change, else its ``attempted_at``."""
        lead_id, alone = write.lead.id, replace(batch, leases=(), gives_up=())
        while lead_id not in left.held_up:
            has_change = write.change is not None and lead_id not in left
            rows = lead_rows(batch, [write], self._domain.mapping, drifted=left.ids, spellings=found.spellings)
            rows = BatchRows(**{key: getattr(rows, key) for key in CUSTOMER_STEPS if key in self._steps})
            if not left.has_notes:
                rows.attempts.clear()
            if rows == BatchRows():
                return
            failure, is_over = await self._try(connection, rows, alone)
            if failure is None:
                return
            if isinstance(failure, SettingsError) and not is_over:
                await self._check_without_rows(connection, rows)
            if has_change and not is_over and rows.new_appointments and await self._has_drifted(connection, write):
                left.drifted.add(lead_id)  # another process has inserted the appointment
            elif has_change:
                left.leave_out([lead_id], failure)
            else:
                left.has_notes = not is_over and not isinstance(failure, StoreBusy)
            if is_over:
                raise _TransactionEnded
            if not has_change:
                return

    async def _write_ours(self, connection: AsyncConnection, batch: BatchWrite, found: Fetched, left: _LeftOut) -> None:
        """Write the rows of our own tables; an error there is not caused by a lead."""
        known = _with_refusals(batch, left)
        rows = lead_rows(known, known.writes, self._domain.mapping, drifted=left.ids, spellings=found.spellings)
        for key in CUSTOMER_STEPS:
            setattr(rows, key, [])  # not cleared: removed rows are in two of them
        add_totals(rows, known, drifted=left.ids)
        # These rows have not changed: the plan is applied once they can be written.
        rows.marks = [row for row in rows.marks if row["lead_id"] not in left.held_up]
        try:
            with translated():
                await self._execute(connection, rows, batch)
        except StoreRefused as error:
            raise StoreUnavailable(str(error)) from error

    async def _try(
        self, connection: AsyncConnection, rows: BatchRows, batch: BatchWrite
    ) -> tuple[Failure | None, bool]:
        """Write *rows* under a savepoint; return the failure, and whether it has ended the transaction."""
        savepoint = await connection.begin_nested()
        try:
            with translated():
                await self._insert_checked(connection, rows, batch, names_conflicts=True)
        except (NotInserted, StoreBusy, StoreConflict, StoreRefused, SettingsError) as error:
            try:
                with translated():
                    await savepoint.rollback()
            except SettingsError:
                return error, True
            return error, False
        await savepoint.commit()
        return None, False

    async def _has_drifted(self, connection: AsyncConnection, write: LeadWrite) -> bool:
        return bool(_drifted([write], await self._locked(connection, [write], lock=None)))

    async def _check_without_rows(self, connection: AsyncConnection, rows: BatchRows) -> None:
        """Raise SettingsError if the same statements are refused even without rows."""
        for key, step in self._steps.items():
            if getattr(rows, key):
                with translated():
                    async with connection.begin_nested():
                        await connection.execute(step.statement, step.rows.parameter([]))


def _with_refusals(batch: BatchWrite, left: _LeftOut) -> BatchWrite:
    """Return *batch* with each refused lead as failed, with its reason.

    A lead whose rows are locked is deferred, however often its rows had changed before.
    """

    def with_refusal(write: LeadWrite) -> LeadWrite:
        why = left.refused.get(write.lead.id)
        if write.lead.id in left.held_up:
            return replace(write, signature_if_drifted=None)
        if why is None:
            return write
        signature = write.signature_if_refused and replace(write.signature_if_refused, message=why)
        state = replace(write.state_if_refused, reason=why)
        return replace(write, state_if_drifted=state, signature=signature, refusal=why)

    return replace(batch, writes=tuple(map(with_refusal, batch.writes)))


def _is_stamped(write: LeadWrite) -> bool:
    return write.state.verified_at != write.lead.state.verified_at


def _drifted(writes: Sequence[LeadWrite], found: Fetched) -> frozenset[LeadId]:
    """Return the leads whose rows were changed or deleted since the change was planned."""
    current = {lead.id: lead for lead in found.leads}
    return frozenset(
        write.lead.id
        for write in writes
        if write.change and not (write.lead.id in current and current[write.lead.id].same_facts(write.change.lead))
    )
