"""Look-ups as sequences of requests, each of which can be made to fail while all others are answered."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import orjson

from reconcile.domain.credential import Credential
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.errors import ErrorClass, ProviderError
from reconcile.ports import Provider
from reconcile.providers.calendly.lookup import Calendly
from reconcile.providers.ghl.lookup import Ghl
from reconcile.providers.http.client import Gateway, RetryBudget
from reconcile.simulator import World
from tests.provider_lookup import ask
from tests.providers.arena import DEADLINE, NOW, Arena, arena
from tests.providers.ghl.entered import enter as enter_ghl

Fail = Callable[[], httpx.Response]
TOO_LATE = NOW + timedelta(days=1)
RUN_OUT = object()
"""In place of a failure: the run's time ends before the request is sent."""


class _Cut(httpx.AsyncByteStream):
    """A body of which half arrives."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"half":'
        raise self._error


def answer(status: int, body: object, *, headers: Mapping[str, str] | None = None) -> Fail:
    """Return a failure that is an answer with this status; *body* is bytes as they are, else JSON."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return lambda: httpx.Response(
        status, content=content, headers={"Content-Type": "application/json"} | dict(headers or {})
    )


def _raised(error: Exception) -> Fail:
    def fail() -> httpx.Response:
        raise error

    return fail


HTML = b"<html><body>It did not work</body></html>"
FAILURES: Mapping[str, tuple[Any, ErrorClass]] = {
    "400": (answer(400, {"message": "Bad Request"}), ErrorClass.REJECTED),
    "401": (answer(401, {"message": "Invalid token"}), ErrorClass.CREDENTIAL),
    "403": (answer(403, {"message": "Permission denied"}), ErrorClass.CREDENTIAL),
    "404 of a gateway": (answer(404, HTML), ErrorClass.UNDECODABLE),
    "404 of no thing": (answer(404, []), ErrorClass.REJECTED),
    "422": (answer(422, {"message": "not found"}), ErrorClass.REJECTED),
    "429": (answer(429, {"message": "slow down"}, headers={"Retry-After": "9"}), ErrorClass.RATE_LIMITED),
    "500": (answer(500, {"message": "not found"}), ErrorClass.UNAVAILABLE),
    "502 in HTML": (answer(502, HTML), ErrorClass.UNAVAILABLE),
    "redirect": (answer(302, b"", headers={"Location": "http://127.0.0.1:9/"}), ErrorClass.REJECTED),
    "time-out": (_raised(httpx.ReadTimeout("late")), ErrorClass.TIMEOUT),
    "reset": (_raised(httpx.ReadError("reset")), ErrorClass.TRANSPORT),
    "refused": (_raised(httpx.ConnectError("refused")), ErrorClass.TRANSPORT),
    "cut body": (lambda: httpx.Response(200, stream=_Cut(httpx.ReadError("cut"))), ErrorClass.UNDECODABLE),
    "half a document": (answer(200, b'{"half":'), ErrorClass.UNDECODABLE),
    "page in HTML": (answer(200, HTML), ErrorClass.UNDECODABLE),
    "empty body": (answer(200, b""), ErrorClass.UNDECODABLE),
    "no content": (answer(204, b""), ErrorClass.CONTRACT),
    "null": (answer(200, None), ErrorClass.CONTRACT),
    "empty list": (answer(200, []), ErrorClass.CONTRACT),
    "empty object": (answer(200, {}), ErrorClass.CONTRACT),
    "the run's time ends": (RUN_OUT, ErrorClass.TIMEOUT),
}


Request = tuple[str, bytes, bytes]
Told = tuple[int, httpx.Headers, bytes]


@dataclass(kw_only=True)
class Steps(httpx.AsyncBaseTransport):
    """Answers each request as it was answered before, or asks *inner*; the different one numbered *failing* fails."""

    arena: Arena
    inner: httpx.AsyncBaseTransport
    told: dict[Request, Told]
    failing: int | None = None
    fail: Any = None
    seen: list[Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        key = (request.method, request.extensions.get("target", request.url.raw_path), request.content)
        if key not in self.seen:
            self.seen.append(key)
        number = self.seen.index(key)
        if number == self.failing:
            failed: httpx.Response = self.fail()
            return failed
        if key not in self.told:
            response = await self.inner.handle_async_request(request)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            content = b"".join([chunk async for chunk in response.stream])
            await response.aclose()
            self.told[key] = response.status_code, response.headers, content
        if self.fail is RUN_OUT and number + 1 == self.failing:
            self.arena.clock.at = TOO_LATE
        status, headers, content = self.told[key]
        return httpx.Response(status, content=content, headers=headers)


@dataclass(frozen=True, kw_only=True)
class Path:
    """One way to look a lead up, and the operations of its requests when all goes well.

    *prepare* enters what the provider knows and returns the lead; a sweep may have several. *tried* names the requests
    that are made to fail; by default all are.
    """

    name: str
    enter: Callable[[World], Credential]
    prepare: Callable[[Arena], Sequence[Lead]]
    operations: Sequence[Operation]
    is_sweep: bool = False
    timezone: str | None = None
    tried: Sequence[int] = ()

    @property
    def steps(self) -> Sequence[int]:
        """The requests that are made to fail."""
        return self.tried or range(len(self.operations))


@dataclass(kw_only=True)
class Stage:
    """A prepared path, walked once without a failure: *told* are its requests in order, with what was answered."""

    path: Path
    arena: Arena
    gateway: Gateway
    leads: Sequence[Lead]
    told: dict[Request, Told] = field(default_factory=dict)

    @property
    def bodies(self) -> Sequence[bytes]:
        """The bodies of the answers to its requests."""
        return [content for _, _, content in self.told.values()]

    async def failure(self, step: int, fail: Any) -> ProviderError:
        """Return what the look-up raises where the request numbered *step* fails so."""
        try:
            found = await self.walk(failing=step, fail=fail)
        except ProviderError as error:
            return error
        raise AssertionError(f"by {self.path.name}, request {step} ({self.path.operations[step]}): {found}")

    async def walk(self, *, failing: int | None = None, fail: Any = None) -> object:
        """Make the look-up with an adapter of its own, which remembers nothing; whatever it raises is raised."""
        arena = self.arena
        arena.clock.at = TOO_LATE if fail is RUN_OUT and failing == 0 else NOW
        steps = Steps(arena=arena, inner=self.gateway.transport, told=self.told, failing=failing, fail=fail)
        gateway = replace(self.gateway, transport=steps, budget=RetryBudget())
        provider = Ghl(gateway) if gateway.provider is ProviderName.HIGHLEVEL else Calendly(gateway)
        if not self.path.is_sweep:
            (subject,) = self.leads
            return await ask(provider, subject, arena.workspace, deadline=DEADLINE)
        plan = SweepPlan(since=NOW, until=NOW + timedelta(days=30), expected_calls=1, most_calls=20)
        return await provider.sweep(self.leads, arena.workspace, plan=plan, deadline=DEADLINE)


@asynccontextmanager
async def staged(path: Path) -> AsyncIterator[Stage]:
    """Prepare *path* and walk it once, by which the operations of its requests are proven."""
    gateways: list[Gateway] = []

    def build(gateway: Gateway) -> Provider:
        gateways.append(gateway)
        return Ghl(gateway) if gateway.provider is ProviderName.HIGHLEVEL else Calendly(gateway)

    name = ProviderName.HIGHLEVEL if path.enter is enter_ghl else ProviderName.CALENDLY
    async with arena(build, name=name, enter=path.enter, timezone=path.timezone) as found:
        stage = Stage(path=path, arena=found, gateway=gateways[0], leads=path.prepare(found))
        await stage.walk()

        assert found.operations == list(path.operations), path.name
        yield stage


def without(body: bytes, key: str) -> bytes:
    """Return a JSON body from which *key* is removed wherever it stands; of several names, all are."""
    gone = key.split("|")

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: stripped(inner) for name, inner in value.items() if name not in gone}
        return [stripped(each) for each in value] if isinstance(value, list) else value

    return orjson.dumps(stripped(orjson.loads(body)))
