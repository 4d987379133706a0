"""The store of a dry run. It shows everything and keeps nothing, so that no step of a run has to ask whether it is dry.

Each port is an allow-list. The reads that are named here reach the database; what a run writes is answered without it;
every other method raises, also one that the port does not have yet.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.breaker.breaker import Breaker
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.lease import Lease
from reconcile.domain.rate_limit import Grant, RateLimit, RateLimiter
from reconcile.domain.replay.recorder import CallRecord
from reconcile.domain.run.report import RunReport
from reconcile.errors import LeaseHeld, ReconcileError
from reconcile.ports import BatchReceipt, BatchWrite, Clock, Leads, LeaseHolder, Store, Usage

LEAD_READS = frozenset(
    {
        "ages",
        "at_risk",
        "at_risk_count",
        "control_leads",
        "due_leads",
        "due_workspaces",
        "freshness",
        "holders",
        "lead",
        "mismatch_counts",
        "mismatched",
        "quarantined",
        "unverified_count",
        "workspace",
        "workspace_count",
    }
)
_BREAKER_READS = frozenset({"get", "load"})
_LEDGER_READS = frozenset(
    {
        "batches",
        "call_record",
        "changes",
        "prunable",
        "run",
        "run_calls",
        "runs",
        "sightings",
        "signatures",
        "scheduled_runs",
    }
)
_OUTBOX_READS = frozenset({"given_up_count", "pending", "pending_count"})
_CADENCE_READS = frozenset({"override"})
_ORDER_READS = frozenset({"list_all"})
_TIME_READS = frozenset({"now"})
_ALERT_READS = frozenset({"channels", "load"})
_BACKFILL_READS = frozenset(
    {
        "counts",
        "items",
        "leads",
        "left",
        "moved",
        "plan",
        "planned",
        "plans",
        "runs",
        "selected",
        "shares",
        "workspaces",
    }
)


def dry_run_store(store: Store, *, clock: Clock) -> Store:
    """Return a store that reads from *store* and never writes to it."""
    return Store(
        leads=_DryRunLeads(store.leads),
        leases=_NoLeases(),
        breakers=_DryRunBreakers(store.breakers, reads=_BREAKER_READS),
        budgets=LocalBudgets(clock),
        ledger=_DryRunLedger(store.ledger, reads=_LEDGER_READS),
        outbox=ReadOnly(store.outbox, reads=_OUTBOX_READS),
        cadences=ReadOnly(store.cadences, reads=_CADENCE_READS),
        applied_annotations=ReadOnly(store.applied_annotations, reads=_ORDER_READS),
        alerts=ReadOnly(store.alerts, reads=_ALERT_READS),
        backfills=ReadOnly(store.backfills, reads=_BACKFILL_READS),
        time=ReadOnly(store.time, reads=_TIME_READS),
    )


def on_clock(store: Store, clock: Clock) -> Store:
    """Return *store* on *clock*, for a run whose clock jumps: the database's own clock does not jump with it."""
    return replace(store, budgets=LocalBudgets(clock), time=LocalTime(clock))


class LocalTime:
    """A clock of this program in place of the database's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        return self._clock.now()


class ReadOnly:
    """A port of which the methods in *reads* are passed on; any other raises ReconcileError."""

    def __init__(self, port: Any, *, reads: frozenset[str]) -> None:  # noqa: ANN401 - any of the ports
        self._port = port
        self._reads = reads

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        if name not in self._reads:
            raise ReconcileError(f"{type(self._port).__name__}.{name} was called where only reads are allowed")
        return getattr(self._port, name)


class _DryRunLeads(ReadOnly):
    """Gives each lead once: where a run has two rounds, its writes keep a lead from being due in the second."""

    def __init__(self, leads: Leads) -> None:
        super().__init__(leads, reads=LEAD_READS)
        self._checked: dict[WorkspaceId, set[LeadId]] = defaultdict(set)

    async def due_leads(
        self,
        workspace_id: WorkspaceId,
        *,
        limit: int,
        after: LeadId | None = None,
        **asked: Any,  # noqa: ANN401 - the port's
    ) -> Sequence[Lead]:
        checked, read = self._checked[workspace_id], self._port.due_leads
        if after is None:
            found = await read(workspace_id, limit=limit + len(checked), **asked)
            return [lead for lead in found if lead.id not in checked][:limit]
        while found := await read(workspace_id, limit=limit, after=after, **asked):
            if new := [lead for lead in found if lead.id not in checked]:
                return new
            after = found[-1].id
        return ()

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        self._checked[batch.workspace_id].update(write.lead.id for write in batch.writes)
        return BatchReceipt()


class _DryRunBreakers(ReadOnly):
    async def save(self, _breaker: Breaker, *, expected_generation: int) -> bool:
        return expected_generation >= 0


class _DryRunLedger(ReadOnly):
    async def begin_run(self, *_what: object, **_facts: object) -> None:
        """Note nothing."""

    async def finish_run(
        self, _report: RunReport, _document: Mapping[str, Any], _calls: CallRecord | None = None
    ) -> None:
        """Store nothing."""


class _NoLeases:
    """A dry run changes nothing, so it needs to keep nobody out."""

    async def acquire(self, name: str, *, holder: str, ttl: timedelta) -> Lease:
        if ttl <= timedelta(0):
            raise LeaseHeld(name)
        return Lease(name=name, holder=holder, token=0)

    async def release(self, _lease: Lease) -> None:
        """Give nothing back."""

    async def held(self) -> Mapping[str, LeaseHolder]:
        return {}


class LocalBudgets:
    """Meters in memory: a dry run keeps to the published rate, and waits for its turn instead of writing a claim."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._meters: dict[str, RateLimiter] = {}

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        granted, limit = 0, limit.below(share)
        while True:
            now = self._clock.now()
            self._meters[key], grant = self._meters.get(key, RateLimiter(now)).take(
                wanted - granted, now=now, limit=limit
            )
            granted += grant.granted
            if granted >= wanted:
                return Grant(granted=granted, left=grant.left)
            # The cursor of a dry run passes each lead once: what is not asked now is not asked at all.
            await self._clock.sleep(grant.retry_after + limit.interval * (wanted - granted - 1))

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        meter = self._meters.get(key, RateLimiter(self._clock.now())).give_back(unused, limit=limit)
        if usage.remaining is not None:
            meter = meter.at_most(usage.remaining, now=self._clock.now(), limit=limit)
        self._meters[key] = meter
