"""Deletes old rows that are no longer used, a bounded number in each transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, delete, exists, func, or_, select, tuple_

from reconcile.domain.breaker.breaker import BreakerState
from reconcile.store.db.database import Database
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.schema.tables import (
    alert,
    appointment_state,
    backfill,
    backfill_lead,
    batch,
    breaker,
    change,
    lead_state,
    outbox,
    run,
    run_calls,
    signature,
    signature_run,
)

KEPT_RUNS = 20
"""The newest runs are kept regardless of age, because they show when the last run was."""
_OF_A_RUN: tuple[Table, ...] = (batch, change, signature_run, run_calls)


async def prunable(database: Database, domain: DomainTables | None, *, before: datetime) -> Mapping[str, int]:
    """Return the number of rows of each table that ``prune`` would delete."""
    runs = select(run.c.id).where(_is_old_run(before))
    counts = {
        table: await _count(database, table, condition)
        for table, condition in (
            (run, _is_old_run(before)),
            *((table, table.c.run_id.in_(runs)) for table in _OF_A_RUN),
            (signature, _is_old_signature(before, without=runs)),
            *_independent_tables(before),
            *_state_of_deleted_leads(domain, before),
            (backfill, backfill.c.id.not_in(_kept_plans(before))),
            (backfill_lead, backfill_lead.c.plan_id.not_in(_kept_plans(before))),
        )
    }
    return {table.name: count for table, count in counts.items()}


async def prune(database: Database, domain: DomainTables | None, *, before: datetime, limit: int) -> Mapping[str, int]:
    """Delete up to *limit* old runs with their rows and *limit* rows of each other table; return the counts."""
    removed: dict[str, int] = {}
    async with database.write_connection() as connection:
        oldest = select(run.c.id).where(_is_old_run(before)).order_by(run.c.started_at, run.c.id).limit(limit)
        ids: Sequence[str] = (await connection.execute(oldest)).scalars().all()
        for table in _OF_A_RUN:
            removed[table.name] = (await connection.execute(delete(table).where(table.c.run_id.in_(ids)))).rowcount
        removed[run.name] = (await connection.execute(delete(run).where(run.c.id.in_(ids)))).rowcount
        # The plan's row is deleted first, its leads afterwards in batches, so that no reader sees part of a plan.
        old_plans = (backfill, backfill.c.id.not_in(_kept_plans(before)))
        lost_leads = (backfill_lead, ~exists().where(backfill.c.id == backfill_lead.c.plan_id))
        signatures = (signature, _is_old_signature(before))
        states = _state_of_deleted_leads(domain, before)
        for table, condition in (signatures, *_independent_tables(before), *states, old_plans, lost_leads):
            keys = tuple_(*table.primary_key.columns)
            some = select(*table.primary_key.columns).where(condition).limit(limit)
            removed[table.name] = (await connection.execute(delete(table).where(keys.in_(some)))).rowcount
    return removed


def _is_old_run(before: datetime) -> ColumnElement[bool]:
    """Select old runs that neither tripped an open breaker nor have a pending follow-up or plan."""
    newest = select(run.c.id).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(KEPT_RUNS)
    waits = and_(outbox.c.run_id == run.c.id, outbox.c.delivered_at.is_(None), outbox.c.given_up_at.is_(None))
    tripped = and_(breaker.c.tripped_by == run.c.id, breaker.c.state != BreakerState.CLOSED.value)
    unfinished = and_(
        backfill_lead.c.run_id == run.c.id,
        backfill_lead.c.plan_id == backfill.c.id,
        backfill.c.applied_at.is_(None),
        backfill.c.id.in_(_kept_plans(before)),
    )
    return and_(
        run.c.started_at < before,
        run.c.id.not_in(newest),
        *(~exists().where(condition) for condition in (waits, tripped, unfinished)),
    )


def _is_old_signature(before: datetime, *, without: Any = None) -> ColumnElement[bool]:  # noqa: ANN401 - a select
    """Select kinds of failure last seen before *before*, in no run that is kept (or is in *without*)."""
    seen = signature_run.c.digest == signature.c.digest
    if without is not None:
        seen = and_(seen, signature_run.c.run_id.not_in(without))
    return and_(signature.c.last_seen_at < before, ~exists().where(seen))


def _independent_tables(before: datetime) -> Sequence[tuple[Table, ColumnElement[bool]]]:
    is_old = or_(outbox.c.delivered_at < before, outbox.c.given_up_at < before)
    return (outbox, is_old), (alert, alert.c.over_at < before)


def _state_of_deleted_leads(
    domain: DomainTables | None, before: datetime
) -> Sequence[tuple[Table, ColumnElement[bool]]]:
    """Select what is stored of leads whose row the customer has deleted, and which no run has looked at since *before*.

    A row that a filter of the mapping hides is not deleted. Of a table without any row nothing is selected: it may be
    in the middle of a restore.
    """
    if domain is None:
        return ()
    leads = select(1).select_from(domain.lead.table)

    def is_gone(lead_id: ColumnElement[Any]) -> ColumnElement[bool]:
        return and_(leads.exists(), ~leads.where(domain.lead["id"].names(lead_id)).exists())

    is_old = or_(lead_state.c.attempted_at < before, lead_state.c.attempted_at.is_(None))
    is_known = exists().where(lead_state.c.lead_id == appointment_state.c.lead_id, lead_state.c.attempted_at >= before)
    return (
        (appointment_state, and_(~is_known, is_gone(appointment_state.c.lead_id))),
        (lead_state, and_(is_old, is_gone(lead_state.c.lead_id))),
    )


def _kept_plans(before: datetime) -> Select[tuple[str]]:
    """Select the plans that were applied or continued since *before*."""
    moved = exists().where(backfill_lead.c.plan_id == backfill.c.id, backfill_lead.c.moved_at >= before)
    is_open = backfill.c.applied_at.is_(None)
    goes_on = and_(is_open, or_(backfill.c.made_at >= before, backfill.c.planned_at >= before, moved))
    return select(backfill.c.id).where(or_(backfill.c.applied_at >= before, goes_on))


async def _count(database: Database, table: Table, condition: ColumnElement[bool]) -> int:
    row = await database.row(select(func.count().label("rows")).select_from(table).where(condition))
    return int(row["rows"]) if row else 0
