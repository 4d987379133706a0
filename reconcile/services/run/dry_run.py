"""A store that shows everything and keeps nothing: what makes a run dry, with no second path through the runner."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.breaker.breaker import Breaker
from reconcile.domain.lease import Lease
from reconcile.domain.rate_limit import Grant, Meter, RateLimit
from reconcile.domain.run.report import RunReport
from reconcile.errors import LeaseHeld
from reconcile.ports import (
    BatchReceipt,
    BatchWrite,
    Breakers,
    Cadences,
    Claim,
    Clock,
    Leads,
    Ledger,
    Orders,
    Outbox,
    OutboxRow,
    Store,
    Usage,
)


def dry(store: Store, *, clock: Clock) -> Store:
    """Return *store* with every writing replaced by nothing."""
    return replace(
        store,
        leads=_Reading(store.leads),
        leases=_NoLeases(),
        breakers=_Reading(store.breakers),
        budgets=LocalBudgets(clock),
        ledger=_Reading(store.ledger),
        outbox=_NoOutbox(store.outbox),
        cadences=_Reading(store.cadences),
        orders=_Reading(store.orders),
    )


class _Reading:
    """Passes questions on and answers each command itself."""

    def __init__(self, port: Leads | Breakers | Ledger | Cadences | Orders) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        return getattr(self._port, name)

    async def write(self, _batch: BatchWrite) -> BatchReceipt:
        return BatchReceipt()

    async def save(self, _breaker: Breaker, *, expected_generation: int) -> bool:
        return expected_generation >= 0

    async def begin(self, *_what: object, **_facts: object) -> None:
        """Note nothing."""

    async def finish(self, _report: RunReport, _document: Mapping[str, Any]) -> None:
        """Store nothing."""


class _NoLeases:
    """A dry run changes nothing, so it needs to keep nobody out."""

    async def acquire(self, name: str, *, holder: str, ttl: timedelta) -> Lease:
        if ttl <= timedelta(0):
            raise LeaseHeld(name)
        return Lease(name=name, holder=holder, token=0)

    async def release(self, _lease: Lease) -> None:
        """Give nothing back."""

    async def held(self) -> Mapping[str, Claim]:
        return {}


class LocalBudgets:
    """Meters in memory: a dry run keeps to the published rate, and waits for its turn instead of writing a claim."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._meters: dict[str, Meter] = {}

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        granted, limit = 0, limit.below(share)
        while True:
            now = self._clock.now()
            self._meters[key], grant = self._meters.get(key, Meter(now)).take(wanted - granted, now=now, limit=limit)
            granted += grant.granted
            if granted >= wanted:
                return Grant(granted=granted, left=grant.left)
            # The cursor of a dry run passes each lead once: what is not asked now is not asked at all.
            await self._clock.sleep(grant.retry_after + limit.interval * (wanted - granted - 1))

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        meter = self._meters.get(key, Meter(self._clock.now())).give_back(unused, limit=limit)
        if usage.remaining is not None:
            meter = meter.at_most(usage.remaining, now=self._clock.now(), limit=limit)
        self._meters[key] = meter


class _NoOutbox:
    """Nothing is delivered by a dry run; what waits is counted."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def pending(self, *, now: datetime, limit: int) -> Sequence[OutboxRow]:  # noqa: ARG002 - the port's names
        return ()

    async def delivered(self, keys: Sequence[str], *, at: datetime) -> None:
        """Note nothing."""

    async def postponed(self, keys: Sequence[str], *, until: datetime) -> None:
        """Note nothing."""

    async def pending_count(self) -> int:
        return await self._outbox.pending_count()
