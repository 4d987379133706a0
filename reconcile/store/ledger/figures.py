"""Queries of the page over many runs and workspaces: a bounded number of small, aggregated rows."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Integer, cast, func, select

from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import RunId, WorkspaceId
from reconcile.domain.run.report_document import AT_RISK, BREAKERS, ERRORS, LEADS_CHECKED, REPAIRED, read_breakers
from reconcile.domain.run.verification_ages import AGES, Ages, WorkspaceAges
from reconcile.ports.ledger import ScheduledRun
from reconcile.store.db.database import Database
from reconcile.store.leads import due_sql
from reconcile.store.ledger.run_page import page_of_runs
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.schema.tables import lead_state, run


async def scheduled_runs(
    database: Database, *, since: datetime, after: ScheduledRun | None, limit: int
) -> Sequence[ScheduledRun]:
    """Return the reports of runs started at or after *since*, oldest first; with *after*, later ones."""
    names = (LEADS_CHECKED, ERRORS, *REPAIRED, AT_RISK)
    statement = select(
        run.c.id,
        run.c.started_at,
        run.c.finished_at,
        *(run.c.report[name].as_integer().label(name) for name in names),
        run.c.report[BREAKERS].label(BREAKERS),
    ).where(run.c.finished_at.is_not(None))
    statement = page_of_runs(statement, since=since, after=after, limit=limit)
    return [
        ScheduledRun(
            run_id=RunId(row["id"]),
            started_at=row["started_at"],
            ended_at=row["finished_at"],
            checks=row[LEADS_CHECKED] or 0,
            errors=row[ERRORS] or 0,
            repaired=sum(row[name] or 0 for name in REPAIRED),
            at_risk=row[AT_RISK],
            breakers=read_breakers(row[BREAKERS]),
        )
        for row in await database.rows(statement)
    ]


async def ages(database: Database, domain: DomainTables, *, now: datetime, policy: DuePolicy, limit: int) -> Ages:
    """Return the age of the last verification by workspace, in one scan of all leads."""
    verified_at, workspace_id = lead_state.c.verified_at, domain.lead["workspace_id"].read
    edges = [now - age for age in AGES]
    is_at_risk = due_sql.meets_soon(domain) & (verified_at.is_(None) | (verified_at < edges[0]))
    columns = [
        func.count().filter(verified_at >= edges[0]),
        *(func.count().filter(verified_at < younger, verified_at >= older) for younger, older in pairwise(edges)),
        func.count().filter(verified_at < edges[-1]),
        func.count().filter(verified_at.is_(None)),
    ]
    names = [f"age_{number}" for number in range(len(columns))]
    each = (
        select(
            workspace_id.label("workspace_id"),
            *(column.label(name) for column, name in zip(columns, names, strict=True)),
            func.count().filter(is_at_risk).label("at_risk"),
            func.min(verified_at).label("oldest_at"),
        )
        .select_from(domain.lead_source())
        .where(domain.lead_column("booking_id").is_not(None), domain.lead_exists())
        .group_by(workspace_id)
        .subquery()
    )
    late = each.c[names[-1]] + each.c[names[-2]]
    statement = (
        select(
            each,
            *(cast(func.sum(each.c[name]).over(), Integer).label(f"all_{name}") for name in names),
            func.count().over().label("workspaces"),
        )
        .order_by(each.c.at_risk.desc(), late.desc(), each.c.oldest_at.nulls_first(), each.c.workspace_id)
        .limit(limit)
    )
    rows = await database.rows(statement, due_sql.instants(now, policy))
    if not rows:
        return Ages()
    worst = tuple(
        WorkspaceAges(
            workspace_id=WorkspaceId(row["workspace_id"]),
            counts=tuple(row[name] for name in names),
            at_risk=row["at_risk"],
            oldest_at=row["oldest_at"],
        )
        for row in rows
    )
    listed_counts = [sum(each.counts[place] for each in worst) for place in range(len(names))]
    return Ages(
        worst=worst,
        others=tuple(rows[0][f"all_{name}"] - count for name, count in zip(names, listed_counts, strict=True)),
        workspace_count=rows[0]["workspaces"],
    )


async def unverified_count(database: Database, domain: DomainTables, *, since: datetime) -> tuple[int, int]:
    """Return how many leads with a booking were not verified since *since*, and how many have a booking."""
    is_late = lead_state.c.verified_at.is_(None) | (lead_state.c.verified_at < since)
    statement = (
        select(func.count().filter(is_late).label("late"), func.count().label("bookings"))
        .select_from(domain.lead_source())
        .where(domain.lead_column("booking_id").is_not(None), domain.lead_exists())
    )
    row = await database.row(statement)
    return (row["late"], row["bookings"]) if row else (0, 0)
