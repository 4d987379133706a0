"""The record of runs, batches, changes and failures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.planning.outcome import ErrorSignature, Outcome
from reconcile.domain.replay.recorder import CallRecord
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.stored_report import ReportedBreaker


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One visit of a workspace in one run, as stored."""

    run_id: RunId
    workspace_id: WorkspaceId
    started_at: datetime
    finished_at: datetime
    counts: Mapping[Outcome, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run as stored; *report* is the JSON document, None while it runs or if it was killed.

    ``read_report`` gives its values.
    """

    run_id: RunId
    started_at: datetime
    finished_at: datetime | None
    report: Mapping[str, Any] | None
    trigger: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRow:
    """One kind of failure over all runs."""

    signature: ErrorSignature
    first_seen_at: datetime
    last_seen_at: datetime
    count: int
    last_workspace_id: WorkspaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingRow:
    """One kind of failure in one version of the program, over a period; *workspaces* has the last affected ones."""

    signature: ErrorSignature
    version: str
    count: int
    runs: int
    workspace_count: int
    workspaces: tuple[WorkspaceId, ...]
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One change of a lead as stored: plain values, before and after."""

    run_id: RunId
    workspace_id: WorkspaceId
    lead_id: LeadId
    outcome: Outcome
    at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    """The fields of a finished run for a timeline: *breakers* as in its report, *at_risk* None if not measured."""

    run_id: RunId
    started_at: datetime
    ended_at: datetime
    checks: int
    errors: int
    repaired: int
    at_risk: int | None = None
    breakers: tuple[ReportedBreaker, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCalls:
    """The number of calls of a run, by its call record; without a record *is_recorded* is false.

    *is_quiet*: no call failed and no breaker refused one. *is_shadow*: breakers only reported trips.
    """

    run_id: RunId
    started_at: datetime
    is_recorded: bool = False
    is_quiet: bool = False
    is_shadow: bool = False
    calls: int = 0
    checks: int = 0
    errors: int = 0


class Ledger(Protocol):
    """The record of runs, batches, changes and failures; all but the runs are written by ``Leads.write``."""

    async def begin_run(self, run_id: RunId, *, started_at: datetime, trigger: str, version: str) -> None:
        """Store that a run has started, so that a killed one can be detected."""
        ...

    async def finish_run(self, report: RunReport, document: Mapping[str, Any], calls: CallRecord | None = None) -> None:
        """Store the run's report and, in the same transaction, the record of its calls."""
        ...

    async def runs(self, *, limit: int = 20, of_all: bool = False) -> Sequence[RunRow]:
        """Return the last runs, newest first.

        With *of_all*, only those that cover all due leads: a run of one workspace, a backfill or an undo says nothing
        about the schedule.
        """
        ...

    async def scheduled_runs(
        self, *, since: datetime, after: ScheduledRun | None = None, limit: int = 100
    ) -> Sequence[ScheduledRun]:
        """Return the finished runs started since then, oldest first; with *after*, those after it."""
        ...

    async def run_calls(
        self, *, since: datetime, after: RunCalls | None = None, limit: int = 100
    ) -> Sequence[RunCalls]:
        """Return the call counts of runs started at or after *since*, oldest first; with *after*, later ones.

        Backfills are left out: they have breakers of their own.
        """
        ...

    async def call_record(self, run_id: RunId) -> Mapping[str, Any] | None:
        """Return the call record of a run; None if there is none."""
        ...

    async def run(self, run_id: RunId) -> RunRow | None:
        """Return one run."""
        ...

    async def batches(
        self, *, run_id: RunId | None = None, workspace_id: WorkspaceId | None = None, limit: int = 50
    ) -> Sequence[BatchRow]:
        """Return batches of a run or of a workspace, newest first."""
        ...

    async def changes(
        self, *, run_id: RunId | None = None, lead_id: LeadId | None = None, limit: int = 50
    ) -> Sequence[ChangeRow]:
        """Return changes of a run or of a lead, newest first."""
        ...

    async def signatures(self, *, since: datetime | None = None, limit: int = 20) -> Sequence[SignatureRow]:
        """Return kinds of failure, most recently seen first."""
        ...

    async def sightings(self, *, since: datetime, until: datetime | None = None) -> Sequence[SightingRow]:
        """Return the kinds of failure seen in a period, by version, the most frequent first."""
        ...

    async def prunable(self, *, before: datetime) -> Mapping[str, int]:
        """Return the number of rows of each table that are old and not needed."""
        ...

    async def prune(self, *, before: datetime, limit: int) -> Mapping[str, int]:
        """Delete up to *limit* old runs with their rows, and as many of each other kind; return the numbers.

        Rows that an open breaker, a pending follow-up or an unfinished plan needs are kept, and so are the newest runs.
        """
        ...
