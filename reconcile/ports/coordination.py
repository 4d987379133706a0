"""What runs remember and share: claims, breakers, budgets, the cadence, orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from reconcile.domain.breaker.breaker import Breaker, BreakerKey
from reconcile.domain.lease import Lease
from reconcile.domain.rate_limit import Grant, RateLimit
from reconcile.domain.run.cadence import CadenceOverride
from reconcile.ports.provider import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseHolder:
    """Who holds a lease, and until when by the database's clock."""

    holder: str
    expires_at: datetime


class Leases(Protocol):
    """Claims on work, by the database's clock."""

    async def acquire(self, name: str, *, holder: str, ttl: timedelta) -> Lease:
        """Claim *name* if it is free or expired, with a greater token; raise LeaseHeld otherwise."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the claim up at once; nothing happens where it is no longer ours."""
        ...

    async def held(self) -> Mapping[str, LeaseHolder]:
        """Return the leases that are not free, by name."""
        ...


class Breakers(Protocol):
    """The memory of breakers between runs."""

    async def load(self) -> Sequence[Breaker]:
        """Return all breakers that are not at rest: closed ones with no override are left out after a day."""
        ...

    async def save(self, breaker: Breaker, *, expected_generation: int) -> bool:
        """Store *breaker* and return True if the stored generation is still the expected one (0: none is stored)."""
        ...

    async def get(self, key: BreakerKey) -> Breaker | None:
        """Return one breaker as it is stored."""
        ...


class Budgets(Protocol):
    """Provider calls that an account has left, shared between processes, by the database's clock."""

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        """Take up to *wanted* calls from the account's meter; a smaller limit learned from headers is kept with it.

        With a *share* below 1, the rest of the burst is left to others at every instant.
        """
        ...

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        """Give back *unused* calls (negative: more were made) and correct the meter by the provider's own headers."""
        ...


class Cadences(Protocol):
    """The one override of the cadence, until it expires."""

    async def override(self) -> CadenceOverride | None:
        """Return the override as it is stored, also one that is over."""
        ...

    async def set(self, override: CadenceOverride) -> None:
        """Store *override* in place of the one before it."""
        ...

    async def clear(self) -> None:
        """Forget the override."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedAnnotation:
    """An operator's annotation that was seen: *value* as it was then, *fault* why it was not obeyed, if so.

    *until* is when what it asked for ends by itself.
    """

    key: str
    value: str
    seen_at: datetime
    fault: str | None = None
    until: datetime | None = None


class AppliedAnnotations(Protocol):
    """Which annotations were obeyed or refused, so that each is only once."""

    async def list_all(self) -> Sequence[AppliedAnnotation]:
        """Return the annotations that are remembered, in key order."""
        ...

    async def remember(self, row: AppliedAnnotation) -> None:
        """Remember *row* in place of the one before it."""
        ...

    async def forget(self, key: str) -> None:
        """Forget an annotation that is no longer there."""
        ...
