"""Stops a run in the middle of a list: after so many of its items, for one of the reasons that there are."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from reconcile.domain.coordination.lease import Lease
from reconcile.errors import StoreUnavailable
from reconcile.ports import Leases, Store
from tests.services.run_harness import RunHarness, Wrapped
from tests.use_cases import RunPolicy, Stop

PAST_THE_DEADLINE = RunPolicy().budget + timedelta(seconds=1)
PAST_THE_SOFT_DEADLINE = RunPolicy().budget * 0.81


class Reason(StrEnum):
    """Why a list is left in the middle, by the word that a report has for it."""

    SIGTERM = "sigterm"
    DEADLINE = "deadline"
    LEASE_LOST = "lease_lost"
    STORE_UNAVAILABLE = "store_unavailable"


@dataclass
class Stopper:
    """Counts the items of a list and stops the run once *after* of them are done.

    *stop* gives the stop of the run under way, *late* is how far the clock moves for ``Reason.DEADLINE``.
    """

    harness: RunHarness
    reason: Reason
    after: int
    stop: Callable[[], Stop]
    late: timedelta = PAST_THE_SOFT_DEADLINE
    lease_name: str = "run"
    done: int = 0
    has_stopped: bool = False
    is_away: bool = False
    error: BaseException = field(default_factory=lambda: StoreUnavailable("the database does not answer"))
    """What a call meets while the database is away, or when its task is canceled."""
    leases: dict[str, Lease] = field(default_factory=dict)

    async def begin(self) -> None:
        """Stop the run before its first item, if that is asked for."""
        if self.after == 0:
            await self._stop()

    async def finish_item(self) -> None:
        """Note that one item is done."""
        self.done += 1
        if self.done == self.after:
            await self._stop()

    async def _stop(self) -> None:
        if self.has_stopped:
            return
        self.has_stopped = True
        match self.reason:
            case Reason.SIGTERM:
                self.stop().terminate()
            case Reason.DEADLINE:
                self.harness.clock.advance(self.late)
            case Reason.LEASE_LOST:
                await take_over(self.harness.store.leases, self.leases[self.lease_name])
            case Reason.STORE_UNAVAILABLE:
                self.is_away = True

    def store(self, store: Store, **instead: Any) -> Store:
        """Return *store* with other ports *instead*, and leads and plans away for one call where that is the reason."""
        return replace(
            store,
            leads=_Away(store.leads, self),
            backfills=_Away(store.backfills, self),
            leases=Wrapped(store.leases, acquire=self._acquire(store.leases)),
            **instead,
        )

    def _acquire(self, leases: Leases) -> Callable[..., Any]:
        async def acquire(name: str, *, holder: str, ttl: timedelta) -> Lease:
            self.leases[name] = await leases.acquire(name, holder=holder, ttl=ttl)
            return self.leases[name]

        return acquire


async def take_over(leases: Leases, lease: Lease) -> None:
    """Let another holder have had *lease* meanwhile; it is free again."""
    await leases.release(lease)
    await leases.release(await leases.acquire(lease.name, holder="another", ttl=timedelta(minutes=1)))


class _Away:
    """A port that does not answer one call once its database is away."""

    def __init__(self, port: object, stopper: Stopper) -> None:
        self._port = port
        self._stopper = stopper

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*arguments: Any, **facts: Any) -> Any:
            if self._stopper.is_away:
                self._stopper.is_away = False
                raise self._stopper.error
            return await method(*arguments, **facts)

        return call


def after_each(stopper: Stopper, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return *method* with an item counted as done after each call."""

    async def call(*arguments: Any, **facts: Any) -> Any:
        result = await method(*arguments, **facts)
        await stopper.finish_item()
        return result

    return call


def before_first(stopper: Stopper, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return *method*, which is called before the first item."""

    async def call(*arguments: Any, **facts: Any) -> Any:
        result = await method(*arguments, **facts)
        await stopper.begin()
        return result

    return call
