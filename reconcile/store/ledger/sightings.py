"""Kinds of failure in a time range, by the program's version, with the affected workspaces."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, cast, func, select

from reconcile.domain.ids import WorkspaceId
from reconcile.ports.ledger import SightingRow
from reconcile.store.db.database import Database
from reconcile.store.mapping.row_mapper import read_signature
from reconcile.store.schema.tables import run, signature, signature_run

MOST_WORKSPACES = 20
"""The number of workspaces that are listed for one kind of failure, most recent first; all are counted."""


async def sightings(database: Database, *, since: datetime, until: datetime | None) -> Sequence[SightingRow]:
    """Return each kind of failure by version, most frequent first."""
    seen = [signature_run.c.last_seen_at >= since]
    if until is not None:
        seen.append(signature_run.c.last_seen_at < until)
    total = cast(func.sum(signature_run.c.count), BigInteger)
    version = func.coalesce(run.c.version, "")
    counted = (
        select(
            signature_run.c.digest,
            version.label("version"),
            total.label("total"),
            func.count(signature_run.c.run_id.distinct()).label("runs"),
            func.count(signature_run.c.workspace_id.distinct()).label("workspaces"),
            func.min(signature_run.c.first_seen_at).label("first"),
            func.max(signature_run.c.last_seen_at).label("last"),
        )
        .select_from(signature_run.outerjoin(run, run.c.id == signature_run.c.run_id))
        .where(*seen)
        .group_by(signature_run.c.digest, version)
        .subquery()
    )
    statement = (
        select(counted, signature)
        .join(signature, signature.c.digest == counted.c.digest)
        .order_by(counted.c.total.desc(), counted.c.digest, counted.c.version)
    )
    last_seen = func.max(signature_run.c.last_seen_at)
    rank = func.row_number().over(
        partition_by=signature_run.c.digest, order_by=(last_seen.desc(), signature_run.c.workspace_id)
    )
    ranked = (
        select(signature_run.c.digest, signature_run.c.workspace_id, rank.label("rank"))
        .where(*seen)
        .group_by(signature_run.c.digest, signature_run.c.workspace_id)
        .subquery()
    )
    named: dict[str, list[WorkspaceId]] = defaultdict(list)
    for row in await database.rows(select(ranked).where(ranked.c.rank <= MOST_WORKSPACES).order_by(ranked.c.rank)):
        named[row["digest"]].append(WorkspaceId(row["workspace_id"]))
    return [
        SightingRow(
            signature=read_signature(row),
            version=row["version"],
            count=row["total"],
            runs=row["runs"],
            workspace_count=row["workspaces"],
            workspaces=tuple(named[row["digest"]]),
            first_seen_at=row["first"],
            last_seen_at=row["last"],
        )
        for row in await database.rows(statement)
    ]
