"""Implements the port ``Ledger``: runs, batches, changes, failures."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, RowMapping, Select, select

from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.replay.recorder import CallRecord
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.report_document import WORKSPACE
from reconcile.ports import BatchRow, ChangeRow, RunCalls, RunRow, ScheduledRun, SightingRow, SignatureRow
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.ledger.calls import EXCLUDED_TRIGGERS, call_record, record_calls, run_calls
from reconcile.store.ledger.figures import scheduled_runs
from reconcile.store.ledger.pruning import prunable, prune
from reconcile.store.ledger.sightings import sightings
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.row_mapper import read_signature, word
from reconcile.store.schema.tables import batch, change, run, signature


class SqlLedger:
    """The ledger in a database; with *domain*, pruning sees which leads the customer has deleted."""

    def __init__(self, database: Database, domain: DomainTables | None = None) -> None:
        self._database = database
        self._domain = domain

    async def begin_run(self, run_id: RunId, *, started_at: datetime, trigger: str, version: str) -> None:
        """Store the start of a run, so that a killed run is visible."""
        values = {"id": run_id, "started_at": started_at, "trigger": trigger, "version": version}
        await self._database.change(insert(run, self._database.dialect).values(values).on_conflict_do_nothing())

    async def finish_run(self, report: RunReport, document: Mapping[str, Any], calls: CallRecord | None = None) -> None:
        """Store the run's report with its call record, also if its start could not be stored."""
        finished_at = report.timestamp.astimezone(UTC)
        row = insert(run, self._database.dialect).values(
            id=report.run_id,
            started_at=finished_at - report.duration,
            finished_at=finished_at,
            trigger=report.trigger.value,
            version="",
            report=dict(document),
        )
        given = {"finished_at": row.excluded.finished_at, "report": row.excluded.report}
        async with self._database.write_connection() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=given))
            if calls is not None:
                await connection.execute(record_calls(report.run_id, calls, dialect=self._database.dialect))

    async def runs(self, *, limit: int = 20, of_all: bool = False) -> Sequence[RunRow]:
        """Return the last runs, newest first; with *of_all*, only those without a selection of workspaces."""
        statement = select(run).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(limit)
        if of_all:
            statement = statement.where(
                run.c.trigger.not_in(EXCLUDED_TRIGGERS), run.c.report[WORKSPACE].as_string().is_(None)
            )
        rows = await self._database.rows(statement)
        for row in rows:
            if row["report"] is not None and not isinstance(row["report"], Mapping):
                self._database.damaged.add(run, row)
        return [_run(row) for row in rows]

    async def scheduled_runs(
        self, *, since: datetime, after: ScheduledRun | None = None, limit: int = 100
    ) -> Sequence[ScheduledRun]:
        """Return the reports of runs started at or after *since*, oldest first; with *after*, later ones."""
        return await scheduled_runs(self._database, since=since, after=after, limit=limit)

    async def run_calls(
        self, *, since: datetime, after: RunCalls | None = None, limit: int = 100
    ) -> Sequence[RunCalls]:
        """Return the call counts of runs started at or after *since*, oldest first; with *after*, later ones."""
        return await run_calls(self._database, since=since, after=after, limit=limit)

    async def call_record(self, run_id: RunId) -> Mapping[str, Any] | None:
        """Return the call record of a run; None if there is none."""
        return await call_record(self._database, run_id)

    async def run(self, run_id: RunId) -> RunRow | None:
        """Return one run."""
        row = await self._database.row(select(run).where(run.c.id == run_id))
        return _run(row) if row else None

    async def batches(
        self, *, run_id: RunId | None = None, workspace_id: WorkspaceId | None = None, limit: int = 50
    ) -> Sequence[BatchRow]:
        """Return batches of a run or of a workspace, newest first."""
        wanted = {batch.c.run_id: run_id, batch.c.workspace_id: workspace_id}
        rows = await self._database.rows(_narrowed(select(batch), wanted).order_by(batch.c.id.desc()).limit(limit))
        return [
            BatchRow(
                run_id=row["run_id"],
                workspace_id=row["workspace_id"],
                started_at=row["started_at"],
                finished_at=row["finished_at"],
                counts={known: count for key, count in row["counts"].items() if (known := word(Outcome, key))},
            )
            for row in rows
        ]

    async def changes(
        self, *, run_id: RunId | None = None, lead_id: LeadId | None = None, limit: int = 50
    ) -> Sequence[ChangeRow]:
        """Return changes of a run or of a lead, newest first."""
        wanted = {change.c.run_id: run_id, change.c.lead_id: lead_id}
        rows = await self._database.rows(_narrowed(select(change), wanted).order_by(change.c.id.desc()).limit(limit))
        return [
            ChangeRow(
                run_id=row["run_id"],
                workspace_id=row["workspace_id"],
                lead_id=row["lead_id"],
                outcome=word(Outcome, row["outcome"]) or Outcome.UPDATED,
                at=row["at"],
                before=row["before"],
                after=row["after"],
            )
            for row in rows
        ]

    async def signatures(self, *, since: datetime | None = None, limit: int = 20) -> Sequence[SignatureRow]:
        """Return kinds of failure, most recently seen first."""
        newest = signature.c.last_seen_at.desc()
        statement = select(signature).order_by(newest, signature.c.digest).limit(limit)
        if since is not None:
            statement = statement.where(signature.c.last_seen_at >= since)
        return [
            SignatureRow(
                signature=read_signature(row),
                first_seen_at=row["first_seen_at"],
                last_seen_at=row["last_seen_at"],
                count=row["count"],
                last_workspace_id=row["last_workspace_id"],
            )
            for row in await self._database.rows(statement)
        ]

    async def sightings(self, *, since: datetime, until: datetime | None = None) -> Sequence[SightingRow]:
        """Return the kinds of failure between *since* and *until* by version, most frequent first."""
        return await sightings(self._database, since=since, until=until)

    async def prunable(self, *, before: datetime) -> Mapping[str, int]:
        """Return the number of rows of each table that ``prune`` would delete."""
        return await prunable(self._database, self._domain, before=before)

    async def prune(self, *, before: datetime, limit: int) -> Mapping[str, int]:
        """Delete up to *limit* old runs with their rows and *limit* rows of each other table; return the counts."""
        return await prune(self._database, self._domain, before=before, limit=limit)


def _narrowed(statement: Select[Any], wanted: Mapping[Column[Any], Any]) -> Select[Any]:
    return statement.where(*(column == value for column, value in wanted.items() if value is not None))


def _run(row: RowMapping) -> RunRow:
    return RunRow(
        run_id=row["id"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        report=row["report"] if isinstance(row["report"], Mapping) else None,
        trigger=row["trigger"],
    )
