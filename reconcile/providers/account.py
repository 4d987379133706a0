"""A workspace's account at a provider: calls with its credential, and the usage of its rate limit."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from reconcile.domain.coordination.day_quota import DayReading
from reconcile.domain.coordination.rate_limit import RateLimit
from reconcile.domain.credential import Credential
from reconcile.domain.ids import ProviderName
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, ProviderRejected, RateLimited
from reconcile.ports import Usage
from reconcile.providers.http.call import Call, ProviderAttempt, Reply
from reconcile.providers.http.client import Client, Gateway
from reconcile.providers.http.rate_limits import RateHeaders, daily_wait, day_ends_at


class AccountUsage:
    """Counts the attempts on one account and keeps the rate headers of its last response."""

    def __init__(self, *, has_plans: bool = False) -> None:
        self.calls = 0
        self.rate = RateHeaders()
        self.not_before: timedelta | None = None
        self.day: DayReading | None = None
        self.notes: list[str] = []
        self._in_flight = 0
        self._left: int | None = None
        """The calls that the last headers left, less those that were made since."""
        self._window_ends_at: datetime | None = None
        self._has_plans = has_plans
        """Whether the limit depends on the account's plan, which only an answer shows."""
        self._first_ended: asyncio.Event | None = None

    def record(self, attempt: ProviderAttempt, *, now: datetime) -> None:
        """Count one attempt that ended at *now*."""
        self.calls += 1
        if attempt.rate is not None:
            self.rate = attempt.rate
        if attempt.rate is not None and attempt.rate.daily_remaining is not None:
            ends_at = day_ends_at(attempt.rate, now=now)
            self.day = DayReading(at=now, left=attempt.rate.daily_remaining, ends_at=ends_at)
        if self.rate.daily_remaining == 0:
            self.wait(daily_wait(self.rate, now=now))
        if attempt.rate is not None and attempt.rate.remaining is not None:
            window = attempt.rate.reset or attempt.rate.window
            self._left = attempt.rate.remaining
            self._window_ends_at = now + window if window else None

    def calls_left(self, now: datetime) -> int | None:
        """Return how many calls may begin in the provider's window, by its last headers; None if that is unknown."""
        if self._left is None or self._window_ends_at is None or self._window_ends_at <= now:
            return None
        return max(0, self._left - self._in_flight)

    @asynccontextmanager
    async def call(self, now: Callable[[], datetime]) -> AsyncIterator[timedelta | None]:
        """Count a call in flight for a block; yield how long to wait instead if the account has no calls left.

        Where limits depend on the account's plan, its first call is the only one until it has ended.
        """
        if self._first_ended is None:
            self._first_ended = asyncio.Event()
        elif self._has_plans:
            await self._first_ended.wait()
        at = now()
        if self.calls_left(at) == 0 and self._window_ends_at is not None:
            self.wait(self._window_ends_at - at)
            yield self._window_ends_at - at
            return
        self._in_flight += 1
        try:
            yield None
        finally:
            self._in_flight -= 1
            self._first_ended.set()

    def wait(self, pause: timedelta) -> None:
        """Make no call to the account for *pause*."""
        self.not_before = max(pause, self.not_before or pause)

    def usage(self, published: "Published") -> Usage:
        """Return the usage since the last call of this method, and reset it."""
        rate = self.rate
        left = [each for each in (rate.remaining, rate.daily_remaining) if each is not None]
        usage = Usage(
            calls=self.calls,
            remaining=min(left, default=None),
            limit=published.lowered_limit(rate),
            not_before=self.not_before,
            day=self.day,
            notes=tuple(self.notes),
        )
        self.calls, self.rate, self.not_before, self.day, self.notes = 0, RateHeaders(), None, None, []
        return usage


class Published:
    """The limit that a provider publishes (*calls* in a *window*), and the *assumed* one, which stays below it."""

    def __init__(self, *, calls: int, window: timedelta, assumed: RateLimit, has_plans: bool = False) -> None:
        self._calls = calls
        self._window = window
        self._assumed = assumed
        self.has_plans = has_plans

    def lowered_limit(self, rate: RateHeaders) -> RateLimit | None:
        """Return a limit below the one in an account's headers; None if that is not lower than the published one."""
        if not rate.limit or rate.limit >= self._calls:
            return None
        burst = max(1, rate.limit * self._assumed.burst // self._calls)
        interval = (rate.window or self._window) / max(1, rate.limit - burst)
        return RateLimit(interval=max(self._assumed.interval, interval), burst=burst)


class Account:
    """Makes calls with the credential of one workspace."""

    def __init__(self, gateway: Gateway, credential: Credential, account_usage: AccountUsage) -> None:
        self.credential = credential
        self.user_id: str | None = None
        """The id of the token's user, once Calendly has returned it."""
        self.organization_id: str | None = None
        """The organization to name in requests for events of a user other than the token's."""
        self.takes_newest = True
        """Whether requests use GHL's newest Version; False once the account has refused it."""
        self._usage = account_usage
        self._provider = gateway.provider
        self._clock = gateway.clock
        on_attempt = gateway.on_attempt

        def record(attempt: ProviderAttempt) -> None:
            account_usage.record(attempt, now=gateway.clock.now())
            on_attempt(attempt)

        self._client: Client = replace(gateway, on_attempt=record).client(credential.token)

    def note(self, text: str) -> None:
        """Add a note on this account to the run's report; *text* holds no personal data."""
        if text not in self._usage.notes:
            self._usage.notes.append(text)

    async def ask(self, call: Call, *, deadline: float) -> Reply:
        """Make *call*; raises ProviderError, and RateLimited without a status if the account has no calls left."""
        async with self._usage.call(self._clock.now) as wait:
            if wait is not None:
                text = f"{call.operation} was not sent to {self._provider}: the account has no calls left"
                raise RateLimited(
                    text, provider=self._provider, operation=call.operation, retry_after=wait, status=None
                )
            try:
                return await self._client.ask(call, deadline=deadline)
            except RateLimited as error:
                self._usage.wait(error.retry_after)
                raise

    @property
    def calls_left(self) -> int | None:
        """How many calls the provider's last headers leave in its window; None if that is unknown."""
        return self._usage.calls_left(self._clock.now())

    async def content(self, call: Call, *, deadline: float) -> object:
        """Make *call* and return the body of a 2xx response; raises ProviderError for any other."""
        reply = await self.ask(call, deadline=deadline)
        if reply.is_success:
            return reply.body
        raise rejection(self._provider, call, reply)


class Accounts:
    """The accounts of a run. Workspaces that share an account share its usage."""

    def __init__(self, gateway: Gateway, published: Published) -> None:
        self._gateway = gateway
        self._published = published
        self._accounts: dict[str, Account] = {}
        self._usages: dict[str, AccountUsage] = {}

    def of(self, workspace: Workspace) -> Account | None:
        """Return the workspace's account; None without a credential."""
        credential = workspace.credentials.get(self._gateway.provider)
        if credential is None:
            return None
        known = self._accounts.get(workspace.id)
        if known is None or known.credential != credential:
            known = Account(self._gateway, credential, self._usage_of(workspace))
            self._accounts[workspace.id] = known
        return known

    def usage(self, workspace: Workspace) -> Usage:
        """Return the usage of the workspace's account since the last call of this method, and reset it."""
        return self._usage_of(workspace).usage(self._published)

    def _usage_of(self, workspace: Workspace) -> AccountUsage:
        credential = workspace.credentials.get(self._gateway.provider)
        key = (credential.account if credential else None) or workspace.id
        if key not in self._usages:
            self._usages[key] = AccountUsage(has_plans=self._published.has_plans)
        return self._usages[key]


def rejection(provider: ProviderName, call: Call, reply: Reply) -> ProviderRejected:
    """Return the error for a response that is neither a success nor decisive."""
    text = f"{provider} answered {reply.status} to {call.operation}"
    return ProviderRejected(text, provider=provider, operation=call.operation, status=reply.status)


def unusable_response(
    provider: ProviderName, call: Call, message: str, *, error_class: ErrorClass = ErrorClass.REJECTED
) -> ProviderRejected:
    """Return the error for a 2xx response that cannot be used; *message* holds no id and no personal data."""
    return ProviderRejected(message, provider=provider, operation=call.operation, error_class=error_class)
