"""How many provider calls an account may make: the generic cell rate algorithm (GCRA), as pure arithmetic.

Source of the limits: the providers' published rates. A rate *r* with a burst *b* lets at most ``b + r * window`` calls
into any window, so both are chosen to keep that sum below the published rate.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.ids import ProviderName
from reconcile.domain.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """*burst* calls at once, then one each *interval*."""

    interval: timedelta
    burst: int

    def below(self, share: float) -> "RateLimit":
        """Return the limit of a caller that may use only this *share* of the burst."""
        return RateLimit(interval=self.interval, burst=max(1, int(self.burst * share)))

    def debt(self, remaining: int) -> timedelta:
        """Return how far the state of the limiter is ahead of now if *remaining* calls are left."""
        return self.interval * max(0, self.burst - remaining)


GHL_LIMIT = RateLimit(interval=timedelta(days=1) / 200_000, burst=75)
"""200,000 a day is one each 0.432 s; 75 at once and 23.1 in ten seconds stay below 100 in ten seconds."""
CALENDLY_PAID_LIMIT = RateLimit(interval=timedelta(minutes=1) / 250, burst=250)
"""At most 500 in any minute."""
CALENDLY_FREE_LIMIT = RateLimit(interval=timedelta(minutes=1) / 25, burst=25)
"""At most 50 in any minute: taken when the provider's header says so."""


def limit_of(provider: ProviderName) -> RateLimit:
    """Return the limit that is assumed until the provider's headers say otherwise."""
    return GHL_LIMIT if provider is ProviderName.HIGHLEVEL else CALENDLY_PAID_LIMIT


def budget_key(workspace: Workspace, provider: ProviderName) -> str:
    """Return the key of an account's budget: a digest, as the customer's column may hold a person's e-mail address."""
    credential = workspace.credentials.get(provider)
    account = (credential.account if credential else None) or workspace.id
    return f"{provider}:{hashlib.sha256(account.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The number of calls that may be made now, and the number *left* after these.

    If fewer calls were granted than wanted, the next one is allowed after *retry_after*, and all others, or a full
    burst, after *all_after* (None if that is unknown).
    """

    granted: int
    left: int = 0
    retry_after: timedelta = timedelta(0)
    all_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class RateLimiter:
    """GCRA's one number: the theoretical arrival time of the next call; in the past means that a full burst is free."""

    arrival_at: datetime

    def take(self, wanted: int, *, now: datetime, limit: RateLimit) -> tuple["RateLimiter", Grant]:
        """Reserve up to *wanted* calls at once; calls that are not granted change nothing."""
        arrival_at = max(self.arrival_at, now)
        room = now + limit.interval * limit.burst - arrival_at
        free = max(0, room // limit.interval)
        granted = min(wanted, free)
        after = arrival_at + limit.interval * granted
        if granted == wanted:
            return RateLimiter(after), Grant(granted=granted, left=free - granted)
        return RateLimiter(after), Grant(
            granted=granted,
            retry_after=max(timedelta(0), limit.interval - (room - limit.interval * granted)),
            all_after=limit.interval * min(wanted - granted, limit.burst) - (room - limit.interval * granted),
        )

    def give_back(self, count: int, *, limit: RateLimit) -> "RateLimiter":
        """Return *count* calls that were taken and not made (negative: made and not taken)."""
        return RateLimiter(self.arrival_at - limit.interval * count)

    def at_most(self, remaining: int, *, now: datetime, limit: RateLimit) -> "RateLimiter":
        """Lower the number of remaining calls to the provider's; it is never raised."""
        return RateLimiter(max(self.arrival_at, now + limit.debt(remaining)))
