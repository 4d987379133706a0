"""State that runs share: leases, breakers, rate budgets, the cadence, annotation commands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from reconcile.domain.breaker.breaker import Breaker, BreakerKey
from reconcile.domain.coordination.day_quota import DayUse, ShortDays
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.coordination.rate_limit import Grant, RateLimit
from reconcile.domain.run.cadence import CadenceOverride
from reconcile.ports.provider import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseHolder:
    """The holder of a lease, and its expiry by the database's clock."""

    holder: str
    expires_at: datetime


class Leases(Protocol):
    """Leases on work, by the database's clock."""

    async def acquire(self, name: str, *, holder: str, ttl: timedelta) -> Lease:
        """Take the lease *name* if it is free or expired, with a greater token; raise LeaseHeld otherwise."""
        ...

    async def release(self, lease: Lease) -> None:
        """Release the lease; nothing happens if it is held by another run."""
        ...

    async def held(self) -> Mapping[str, LeaseHolder]:
        """Return the leases that are not free, by name."""
        ...


class Breakers(Protocol):
    """Stored breakers."""

    async def load(self) -> Sequence[Breaker]:
        """Return all breakers except those that have been closed, without an override, for a day."""
        ...

    async def save(self, breaker: Breaker, *, expected_generation: int) -> bool:
        """Store *breaker* and return True if the stored generation is still the expected one (0: none is stored)."""
        ...

    async def get(self, key: BreakerKey) -> Breaker | None:
        """Return one breaker as it is stored."""
        ...


class Budgets(Protocol):
    """Rate budgets of accounts, shared between processes, by the database's clock."""

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        """Reserve up to *wanted* calls of the account; a smaller limit learned from headers is stored with it.

        With a *share* below 1, the rest of the burst is left to others.
        """
        ...

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        """Return *unused* calls (negative: more were made) and correct the budget by the provider's headers."""
        ...


class DayQuotas(Protocol):
    """What is left of each account's day, and the rate at which it is used, by the clock of the runs."""

    async def load(self, keys: Collection[str]) -> Sequence[DayUse]:
        """Return the use of these accounts' days, as far as it is known."""
        ...

    async def save(self, uses: Sequence[DayUse]) -> None:
        """Store the use of these accounts' days."""
        ...

    async def short(self, *, now: datetime, limit: int) -> Sequence[ShortDays]:
        """Return the accounts whose day's calls will not suffice, by provider: up to *limit*, and their number."""
        ...


class Cadences(Protocol):
    """The one override of the cadence, until it expires."""

    async def override(self) -> CadenceOverride | None:
        """Return the stored override, also an expired one."""
        ...

    async def set(self, override: CadenceOverride) -> None:
        """Replace the stored override."""
        ...

    async def clear(self) -> None:
        """Delete the override."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedAnnotation:
    """An operator's annotation as it was seen: its *value*, and *fault* if it could not be applied.

    *until* is when its effect expires.
    """

    key: str
    value: str
    seen_at: datetime
    fault: str | None = None
    until: datetime | None = None


class AppliedAnnotations(Protocol):
    """The annotations that were applied or refused, so that each is handled once."""

    async def list_all(self) -> Sequence[AppliedAnnotation]:
        """Return the stored annotations, in key order."""
        ...

    async def remember(self, row: AppliedAnnotation) -> None:
        """Replace the stored row of an annotation."""
        ...

    async def forget(self, key: str) -> None:
        """Delete the row of a removed annotation."""
        ...
