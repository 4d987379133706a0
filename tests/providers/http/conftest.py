"""A clock that a test moves, and clients over it."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from reconcile.domain.credential import Token
from reconcile.domain.ids import Operation, ProviderName
from reconcile.providers.http.body import BodyCaps, BodyReader
from reconcile.providers.http.client import (
    AiohttpTransport,
    BaseUrl,
    Call,
    Client,
    Gateway,
    ProviderAttempt,
    RetryBudget,
)
from reconcile.providers.http.retry import RetryPolicy

TOKEN = "pit-canary-3f1c"
EMAIL = "canary@example.com"
CALL = Call(
    operation=Operation.APPOINTMENT,
    path="/calendars/events/appointments/{id}",
    path_params={"id": "abc"},
    query=[("email", EMAIL)],
)


class StillClock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[timedelta] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 24, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)
        self.at += duration.total_seconds()


class RealClock(StillClock):
    """Real time, and no pause between attempts."""

    def monotonic(self) -> float:
        return time.monotonic()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def attempts() -> list[ProviderAttempt]:
    return []


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    async with AiohttpTransport() as transport:
        yield transport


@pytest.fixture
def client(clock: StillClock, attempts: list[ProviderAttempt], transport: AiohttpTransport) -> Callable[..., Client]:
    """Make a client for a base URL, with retries in plenty unless a test says otherwise."""

    def make(
        base: str = "http://127.0.0.1:9",
        *,
        over: httpx.AsyncBaseTransport = transport,
        budget: RetryBudget | None = None,
        policy: RetryPolicy | None = None,
        caps: BodyCaps | None = None,
    ) -> Client:
        gateway = Gateway(
            provider=ProviderName.HIGHLEVEL,
            base=BaseUrl.parse(base, where="RECONCILE_GHL_BASE_URL"),
            transport=over,
            clock=clock,
            bodies=BodyReader(caps),
            budget=budget or RetryBudget(reserve=100),
            policy=policy or RetryPolicy(),
            random=lambda: 0.5,
            on_attempt=attempts.append,
        )
        return gateway.client(Token.parse(TOKEN, where="the test"))

    return make
