"""The store of a dry run: it reads from the database and writes nothing, so no step of a run needs a special case.

Each port is an allow-list. The reads named here reach the database; the writes of a run are answered without it; every
other method raises, also one that is added to the port later.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.breaker.breaker import Breaker
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.coordination.rate_limit import Grant, RateLimit, RateLimiter, limit_of
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, last_id
from reconcile.domain.planning.listed_change import listed_change
from reconcile.domain.replay.recorder import CallRecord
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.request import OnChange
from reconcile.errors import LeaseHeld, ReconcileError
from reconcile.ports import BatchReceipt, BatchWrite, Clock, Leads, LeaseHolder, Store, Usage

BURST_SHARE = 1 / 3
"""The share of an account's burst that a dry run uses. Its calls are real and are not recorded in the shared budget.

A concurrent or following run keeps at least half of what GoHighLevel allows in 10 s, and a third of what Calendly
allows in a minute."""
DRY_RUN_TIME = timedelta(minutes=15)
"""The maximum duration of a dry run over everything: about 2,000 look-ups of one GoHighLevel account."""
_LARGEST_PAGE = int(min(limit_of(each).burst for each in ProviderName) * BURST_SHARE)
"""The calls of a page are made concurrently: a larger page would exceed that share."""
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
_OUTBOX_READS = frozenset({"given_up", "given_up_count", "pending", "pending_count"})
_DAY_QUOTA_READS = frozenset({"load", "short"})
_CADENCE_READS = frozenset({"override"})
_CHANGE_HOLD_READS = frozenset({"load", "changed_since", "checked_since"})
_ANNOTATION_READS = frozenset({"list_all"})
_DAMAGED_READS = frozenset({"counts"})
_CLOCK_READS = frozenset({"now"})
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


def dry_run_store(store: Store, *, clock: Clock, on_change: OnChange | None = None) -> Store:
    """Return a store that reads from *store* and never writes to it; *on_change* is called with each planned change."""
    return Store(
        leads=_DryRunLeads(store.leads, on_change=on_change),
        leases=_NoLeases(),
        breakers=_DryRunBreakers(store.breakers, reads=_BREAKER_READS),
        budgets=LocalBudgets(clock, most=BURST_SHARE),
        day_quotas=ReadOnly(store.day_quotas, reads=_DAY_QUOTA_READS),
        ledger=_DryRunLedger(store.ledger, reads=_LEDGER_READS),
        outbox=ReadOnly(store.outbox, reads=_OUTBOX_READS),
        cadences=ReadOnly(store.cadences, reads=_CADENCE_READS),
        change_holds=ReadOnly(store.change_holds, reads=_CHANGE_HOLD_READS),
        applied_annotations=ReadOnly(store.applied_annotations, reads=_ANNOTATION_READS),
        alerts=ReadOnly(store.alerts, reads=_ALERT_READS),
        backfills=ReadOnly(store.backfills, reads=_BACKFILL_READS),
        database_clock=ReadOnly(store.database_clock, reads=_CLOCK_READS),
        damaged_rows=ReadOnly(store.damaged_rows, reads=_DAMAGED_READS),
    )


def on_clock(store: Store, clock: Clock) -> Store:
    """Return *store* with *clock* in place of the database's clock, for a run whose clock jumps."""
    return replace(store, budgets=LocalBudgets(clock), database_clock=LocalDatabaseClock(clock))


class LocalDatabaseClock:
    """This program's clock in place of the database's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        return self._clock.now()


class ReadOnly:
    """Forwards the methods in *reads* to a port; any other method raises ReconcileError."""

    def __init__(self, port: Any, *, reads: frozenset[str]) -> None:  # noqa: ANN401 - any of the ports
        self._port = port
        self._reads = reads

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        if name not in self._reads:
            raise ReconcileError(f"{type(self._port).__name__}.{name} was called where only reads are allowed")
        return getattr(self._port, name)


class _DryRunLeads(ReadOnly):
    """Returns each lead once, as in a real run, whose writes keep a lead from being due a second time."""

    def __init__(self, leads: Leads, *, on_change: OnChange | None) -> None:
        super().__init__(leads, reads=LEAD_READS)
        self._on_change = on_change
        self._checked: dict[WorkspaceId, set[LeadId]] = defaultdict(set)

    async def due_leads(
        self,
        workspace_id: WorkspaceId,
        *,
        limit: int,
        after: LeadId | None = None,
        **options: Any,  # noqa: ANN401 - the port's
    ) -> Sequence[Lead]:
        checked, read = self._checked[workspace_id], self._port.due_leads
        if after is None:
            found = await read(workspace_id, limit=limit + len(checked), **options)
            return [lead for lead in found if lead.id not in checked][:limit]
        while after is not None:
            found = await read(workspace_id, limit=min(limit, _LARGEST_PAGE), after=after, **options)
            if new := [lead for lead in found if lead.id not in checked]:
                return new
            after = last_id(found)
        return ()

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        self._checked[batch.workspace_id].update(write.lead.id for write in batch.writes)
        if (on_change := self._on_change) is not None:
            for write in batch.writes:
                if write.change is not None:
                    on_change(listed_change(write.change))
        return BatchReceipt()


class _DryRunBreakers(ReadOnly):
    async def save(self, _breaker: Breaker, *, expected_generation: int) -> bool:
        return expected_generation >= 0


class _DryRunLedger(ReadOnly):
    async def begin_run(self, *_what: object, **_facts: object) -> None:
        """Store nothing."""

    async def finish_run(
        self, _report: RunReport, _document: Mapping[str, Any], _calls: CallRecord | None = None
    ) -> None:
        """Store nothing."""


class _NoLeases:
    """Grants every lease: a dry run writes nothing, so it excludes no other run."""

    async def acquire(self, name: str, *, holder: str, ttl: timedelta) -> Lease:
        if ttl <= timedelta(0):
            raise LeaseHeld(name)
        return Lease(name=name, holder=holder, token=0)

    async def release(self, _lease: Lease) -> None:
        """Release nothing."""

    async def held(self) -> Mapping[str, LeaseHolder]:
        return {}


class LocalBudgets:
    """Rate limiters in memory: they keep to the published rate, and sleep instead of reserving calls in the database.

    *most* is the share of each account's burst that is used; the rest is left to other processes, even if the
    provider's headers report more remaining calls.
    """

    def __init__(self, clock: Clock, *, most: float = 1) -> None:
        self._clock = clock
        self._most = most
        self._limiters: dict[str, RateLimiter] = {}
        self._learned: dict[str, RateLimit] = {}

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        granted, limit = 0, self._limit(key, limit).below(min(share, self._most))
        while True:
            now = self._clock.now()
            self._limiters[key], grant = self._limiters.get(key, RateLimiter(now)).take(
                wanted - granted, now=now, limit=limit
            )
            granted += grant.granted
            if granted >= wanted:
                return Grant(granted=granted, left=grant.left)
            # The cursor of a dry run passes each lead once: a lead that is not looked up now never is.
            await self._clock.sleep(grant.retry_after + limit.interval * (wanted - granted - 1))

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        now = self._clock.now()
        limiter = self._limiters.get(key, RateLimiter(now)).give_back(unused, limit=self._limit(key, limit))
        if usage.limit is not None:
            self._learned[key] = usage.limit
        whole = self._limit(key, limit)
        own = whole.below(self._most)
        if usage.remaining is not None:
            limiter = limiter.at_most(max(0, usage.remaining - (whole.burst - own.burst)), now=now, limit=own)
        if usage.not_before is not None:
            limiter = RateLimiter(max(limiter.arrival_at, now + usage.not_before + own.debt(1)))
        self._limiters[key] = limiter

    def _limit(self, key: str, assumed: RateLimit) -> RateLimit:
        """Return the stricter of the assumed limit and the one in the provider's headers, number by number."""
        learned = self._learned.get(key, assumed)
        return RateLimit(interval=max(assumed.interval, learned.interval), burst=min(assumed.burst, learned.burst))
