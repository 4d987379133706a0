"""Makes calls to a provider with a deadline, few attempts and size caps; every failure is a ProviderError."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote, urlencode

import httpx
import orjson

from reconcile.domain.ids import ProviderName
from reconcile.errors import OutOfTime, ProviderError, ProviderRejected
from reconcile.ports import Clock
from reconcile.providers.http.body import BodyReader
from reconcile.providers.http.call import Call, ProviderAttempt, Reply
from reconcile.providers.http.exchange import Exchange
from reconcile.providers.http.origin import BaseUrl, OriginGuard, Revealable
from reconcile.providers.http.retry import RetryBudget, RetryPolicy
from reconcile.providers.http.transport import CONNECT_TIMEOUT, AiohttpTransport

__all__ = ["AiohttpTransport", "BaseUrl", "Call", "Client", "Gateway", "ProviderAttempt", "Reply", "RetryBudget"]

_LEAST_ATTEMPT = timedelta(seconds=1)
"""The least time before the deadline in which another attempt is made."""
_LONGEST_VALUE = 1024
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "appointment-reconciler"}
_TIMEOUT = {"connect": CONNECT_TIMEOUT.total_seconds()}
_LONGEST_TARGET = 65_536


def _unobserved(_attempt: ProviderAttempt) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The configuration and state that all calls to one provider share in a run."""

    provider: ProviderName
    base: BaseUrl
    transport: httpx.AsyncBaseTransport
    clock: Clock
    bodies: BodyReader = field(default_factory=BodyReader)
    budget: RetryBudget = field(default_factory=RetryBudget)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    random: Callable[[], float] = random.random
    on_attempt: Callable[[ProviderAttempt], None] = _unobserved

    def client(self, token: Revealable) -> "Client":
        """Return a client with one credential. It is cheap, because connections are shared."""
        return Client(self, token=token)


class Client:
    """Calls one provider with one credential. Raises ProviderError; no error holds a body, an address or the token."""

    def __init__(self, gateway: Gateway, *, token: Revealable) -> None:
        self._gateway = gateway
        self._guard = OriginGuard(gateway.base, token=token, transport=gateway.transport)
        # The address is parsed once: parsing it for each request took a tenth of the request's time.
        self._home = httpx.URL(f"{gateway.base.origin}/")
        self._prefix = httpx.URL(f"{gateway.base.origin}{gateway.base.prefix}/").raw_path[:-1]
        self._headers = {"Host": gateway.base.authority, **_HEADERS}

    async def ask(self, call: Call, *, deadline: float) -> Reply:
        """Make *call* before *deadline*, with retries. *deadline* is an instant on the monotonic clock, in seconds."""
        gateway = self._gateway
        target = self._target(call)
        content = self._content(call)
        gateway.budget.earn()
        failure: ProviderError | None = None
        number = 0
        while True:
            number += 1
            try:
                reply = await self._attempt(call, target, content, number=number, deadline=deadline)
            except OutOfTime as error:
                # An earlier attempt's failure says more of the provider than that the time is up.
                failure = failure or error
                break
            except ProviderError as error:
                failure = error
            else:
                gateway.budget.note_answer()
                return reply
            pause = self._pause(failure, call, number=number, deadline=deadline)
            if pause is None:
                break
            await gateway.clock.sleep(pause)
        raise failure

    def _pause(self, error: ProviderError, call: Call, *, number: int, deadline: float) -> timedelta | None:
        gateway = self._gateway
        if call.attempts is not None and number >= call.attempts:
            return None
        pause = gateway.policy.pause(error, attempt=number, random=gateway.random)
        if pause is None:
            return None
        if gateway.clock.monotonic() + (pause + _LEAST_ATTEMPT).total_seconds() > deadline:
            return None
        return pause if gateway.budget.spend() else None

    async def _attempt(self, call: Call, target: bytes, content: bytes, *, number: int, deadline: float) -> Reply:
        gateway = self._gateway
        started = gateway.clock.monotonic()
        exchange = Exchange(call, provider=gateway.provider, bodies=gateway.bodies, clock=gateway.clock)
        request = self._request(call, target, content)
        try:
            limit = gateway.policy.attempt_timeout
            return await exchange.run(self._guard, request, limit=limit, left=deadline - started)
        except ProviderError as error:
            exchange.error_class = error.error_class
            raise
        finally:
            if exchange.was_sent:
                gateway.on_attempt(
                    ProviderAttempt(
                        provider=gateway.provider,
                        operation=call.operation,
                        method=call.method,
                        url_template=call.path,
                        origin=gateway.base.origin,
                        number=number,
                        duration=timedelta(seconds=gateway.clock.monotonic() - started),
                        status=exchange.status,
                        error_class=exchange.error_class,
                        rate=exchange.rate,
                    )
                )

    def _target(self, call: Call) -> bytes:
        if any(value in {"", ".", ".."} or len(value) > _LONGEST_VALUE for value in call.path_params.values()):
            raise self._unsendable(call)
        try:
            path = call.path.format(**{name: quote(value, safe="") for name, value in call.path_params.items()})
            query = f"?{urlencode(call.query, quote_via=quote)}" if call.query else ""
            target = self._prefix + f"{path}{query}".encode("ascii")
        except UnicodeEncodeError:
            target = None
        if target is None or len(target) > _LONGEST_TARGET:
            raise self._unsendable(call)
        return target

    def _content(self, call: Call) -> bytes:
        if call.json is None:
            return b""
        try:
            return orjson.dumps(call.json)
        except orjson.JSONEncodeError:
            pass
        raise self._unsendable(call)

    def _unsendable(self, call: Call) -> ProviderRejected:
        provider = self._gateway.provider
        message = f"{provider} cannot be called for {call.operation}: an id or a value does not fit into a request"
        return ProviderRejected(message, provider=provider, operation=call.operation)

    def _request(self, call: Call, target: bytes, content: bytes) -> httpx.Request:
        headers = {**self._headers, **call.headers}
        if content:
            headers["Content-Type"] = "application/json"
        extensions = {"target": target, "timeout": _TIMEOUT}
        # httpx uses a given stream unchanged; from content it would derive headers.
        stream = httpx.ByteStream(content)
        request = httpx.Request(call.method, self._home, headers=headers, stream=stream, extensions=extensions)
        request.read()
        return request
