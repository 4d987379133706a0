"""Writes a batch in one transaction: fenced by its leases, and refused lead by lead where somebody else was quicker."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.ids import LeadId
from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.ports import BatchReceipt, BatchWrite, LeadWrite
from reconcile.store.db.db_errors import StoreBusy, StoreConflict, StoreRefused, refusal, translated
from reconcile.store.leads.batch_execution import AlreadyThere, BatchExecution
from reconcile.store.leads.batch_rows import BatchRows, add_totals, batch_rows, lead_rows
from reconcile.store.leads.lead_query import Fetched, Lock
from reconcile.store.leads.write_statements import CUSTOMER_STEPS

CONFLICTS = 2
"""How often a transaction that the database ended for another one's sake is tried again."""
_ISOLATION = (
    text("SET CONSTRAINTS ALL IMMEDIATE"),
    text("SELECT set_config('lock_timeout', '1s', true), set_config('statement_timeout', '5s', true)"),
)
"""A constraint that is checked at the commit would refuse a whole batch; and no lead may take all of a run's time."""
_OCCUPIED = "another lead's appointment row, or an unreadable one, already has a key of the new appointment"
_HIDDEN = "the database allows reading a lead's rows but not changing them: check its row-level security policies"


Failure = AlreadyThere | StoreBusy | StoreConflict | StoreRefused | SettingsError
"""What keeps one lead's rows from being written."""


class _TransactionEnded(Exception):
    """A refusal has ended the transaction, and with it all savepoints: a trigger on SQLite may do so."""


class _Hidden(Exception):
    """A lead was not there to be locked: somebody has deleted it, or a policy hides it from writers."""


@dataclass(slots=True)
class _LeftOut:
    """Leads whose changes are not written, by the reason; *has_notes*: the customer's column of our last look is."""

    refused: dict[LeadId, str] = field(default_factory=dict)
    drifted: set[LeadId] = field(default_factory=set)
    held_up: set[LeadId] = field(default_factory=set)
    has_notes: bool = True

    @property
    def ids(self) -> frozenset[LeadId]:
        return frozenset(self.refused) | self.drifted | self.held_up

    def leave_out(self, lead_ids: Iterable[LeadId], failure: Failure) -> None:
        """Leave out the changes of these leads, which *failure* kept from being written."""
        if isinstance(failure, StoreRefused | SettingsError):
            self.refused |= dict.fromkeys(lead_ids, refusal(failure))
        elif isinstance(failure, AlreadyThere):
            self.drifted.update(lead_ids)
        else:
            self.held_up.update(lead_ids)

    def __contains__(self, lead_id: LeadId) -> bool:
        return lead_id in self.refused or lead_id in self.drifted or lead_id in self.held_up


class LeadWriter(BatchExecution):
    """Writes batches; the number of its statements does not grow with their rows, unless one of them is refused."""

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Write *batch*; raise LeaseLost, having written nothing, where a lease is no longer ours.

        All rows go in one transaction, and one statement for each table. Where that is refused, it is repeated lead by
        lead under savepoints, so that each refusal is one lead's own.
        """
        for _ in range(CONFLICTS + 1):
            try:
                return await self._write_together(batch)
            except StoreConflict:
                continue
            except (StoreRefused, StoreBusy, SettingsError, AlreadyThere, _Hidden):
                break
        left = _LeftOut()
        while True:
            try:
                return await self._write_isolated(batch, left)
            except _TransactionEnded:
                continue  # each time with a lead more, or the notes, left out
            except (StoreRefused, StoreBusy, StoreConflict) as error:
                # What no savepoint has caught, as the commit: nothing of the customer's is written.
                changed = [write.lead.id for write in batch.writes if write.change and write.lead.id not in left]
                if not changed:
                    raise
                left.leave_out(changed, error)
                left.has_notes = False

    async def _write_together(self, batch: BatchWrite) -> BatchReceipt:
        async with self._database.write_connection() as connection:
            changed = [write for write in batch.writes if write.change]
            if changed and self._database.is_postgresql:
                # Who has lost its leases must not keep others waiting for rows that it may not write.
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
        """Write *batch* without the changes in *left*, and add to these each that is refused."""
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
        """Return the leads without a change that would be stamped as verified by what was asked about other facts.

        Somebody has moved them to another workspace, or given them another contact, address or booking since.
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
        """Write what the customer's tables get of one lead under a savepoint: its change, else the note of our look."""
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
            if isinstance(failure, AlreadyThere) and not is_over and not await self._has_moved(connection, write):
                failure = StoreRefused(_OCCUPIED)
            if has_change:
                left.leave_out([lead_id], failure)
            else:
                left.has_notes = not is_over and not isinstance(failure, StoreBusy)
            if is_over:
                raise _TransactionEnded
            if not has_change:
                return

    async def _write_ours(self, connection: AsyncConnection, batch: BatchWrite, found: Fetched, left: _LeftOut) -> None:
        """Write what our own tables get; what they refuse is no lead's fault."""
        known = _with_refusals(batch, left)
        rows = lead_rows(known, known.writes, self._domain.mapping, drifted=left.ids, spellings=found.spellings)
        for key in CUSTOMER_STEPS:
            setattr(rows, key, [])  # not cleared: removed rows are in two of them
        add_totals(rows, known, drifted=left.ids)
        # Nobody has changed these rows: a plan is carried out when they can be written.
        rows.marks = [row for row in rows.marks if row["lead_id"] not in left.held_up]
        try:
            with translated():
                await self._execute(connection, rows, batch)
        except StoreRefused as error:
            raise StoreUnavailable(str(error)) from error

    async def _has_moved(self, connection: AsyncConnection, write: LeadWrite) -> bool:
        """Tell whether a lead's rows differ by now: else somebody else's row has the key of the one to be inserted."""
        return bool(_drifted([write], await self._locked(connection, [write], lock=None)))

    async def _try(
        self, connection: AsyncConnection, rows: BatchRows, batch: BatchWrite
    ) -> tuple[Failure | None, bool]:
        """Write *rows* under a savepoint; return what refused them, and whether the transaction has ended with that."""
        savepoint = await connection.begin_nested()
        try:
            with translated():
                await self._insert_checked(connection, rows, batch)
        except (AlreadyThere, StoreBusy, StoreConflict, StoreRefused, SettingsError) as error:
            try:
                with translated():
                    await savepoint.rollback()
            except SettingsError:
                return error, True
            return error, False
        await savepoint.commit()
        return None, False

    async def _check_without_rows(self, connection: AsyncConnection, rows: BatchRows) -> None:
        """Raise SettingsError where the same statements are refused without any row as well."""
        for key, step in self._steps.items():
            if getattr(rows, key):
                with translated():
                    async with connection.begin_nested():
                        await connection.execute(step.statement, step.rows.parameter([]))


def _with_refusals(batch: BatchWrite, left: _LeftOut) -> BatchWrite:
    """Return *batch* so that a refused lead is left as one that failed, with its reason where operators look.

    A lead whose rows are held up is put off, however often its rows had moved before.
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
    """Return the leads whose rows are no longer those that the change was planned from, or are gone."""
    current = {lead.id: lead for lead in found.leads}
    return frozenset(
        write.lead.id
        for write in writes
        if write.change and not (write.lead.id in current and current[write.lead.id].same_facts(write.change.lead))
    )
