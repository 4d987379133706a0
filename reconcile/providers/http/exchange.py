"""One request and its result; translates the HTTP library's errors into errors of ``reconcile.errors``."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from reconcile.domain.ids import ProviderName
from reconcile.errors import ErrorClass, OutOfTime, ProviderError, ProviderRejected, ProviderUnavailable, RateLimited
from reconcile.ports import Clock
from reconcile.providers.http.body import BodyFault, BodyReader
from reconcile.providers.http.call import Call, Reply
from reconcile.providers.http.origin import ForeignOriginError
from reconcile.providers.http.rate_limits import NO_RATE_HEADERS, RateHeaders, wait_of
from reconcile.providers.http.status_policy import ResponseClass, classify_status, has_words
from reconcile.providers.http.transport import CertificateRefusedError
from reconcile.providers.scopes import missing_scope

_NO_BODY = frozenset({204, 205})


class Exchange:
    """One request and its result.

    Errors are raised outside ``except`` blocks, so that they have no context: a library's error may hold headers, an
    address or a body, and a printed traceback includes the context.
    """

    def __init__(self, call: Call, *, provider: ProviderName, bodies: BodyReader, clock: Clock) -> None:
        self._call = call
        self._provider = provider
        self._bodies = bodies
        self._clock = clock
        self.was_sent = False
        self.status: int | None = None
        self.error_class: ErrorClass | None = None
        self.rate: RateHeaders | None = None

    async def run(
        self, transport: httpx.AsyncBaseTransport, request: httpx.Request, *, limit: timedelta, left: float
    ) -> Reply:
        """Send *request* and read the response within the attempt's *limit* and the *left* seconds of the run."""
        own_limit = limit.total_seconds()
        if left <= 0:
            raise self._deadline_error()
        self.was_sent = True
        failure: ProviderError
        try:
            async with asyncio.timeout(min(left, own_limit)):
                response = await transport.handle_async_request(request)
                try:
                    return await self._read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            failure = self._deadline_error() if left < own_limit else self._timeout_error()
        except httpx.HTTPError as error:
            failure = self._http_error(error)
        except BodyFault as fault:
            failure = self._undecodable_error(fault)
        raise failure

    async def _read(self, response: httpx.Response) -> Reply:
        self.status = status = response.status_code
        self.rate = rate = RateHeaders.read(response.headers)
        bodies = self._bodies
        body: Any = None
        if not has_words(status):
            await bodies.drain(response)
        elif status not in _NO_BODY:
            try:
                body = bodies.decode(await bodies.read(response))
            except BodyFault:
                if classify_status(status) is ResponseClass.ANSWERED:
                    raise
        message = "" if status < 300 else _message(body)  # noqa: PLR2004 - the status class is the standard's
        meaning = classify_status(status, message)
        if meaning is ResponseClass.ANSWERED:
            return Reply(status=status, body=body, message=message, rate=rate)
        scope = missing_scope(status, message, self._call.operation)
        raise self._status_error(meaning, status, response.headers, scope=scope)

    def _status_error(
        self, meaning: ResponseClass, status: int, headers: httpx.Headers, *, scope: str | None
    ) -> ProviderError:
        lack = f": the token lacks the scope {scope}" if scope else ""
        text = f"{self._provider} answered {status} to {self._call.operation}{lack}"
        provider, operation = self._provider, self._call.operation
        match meaning:
            case ResponseClass.RATE_LIMITED:
                wait = wait_of(headers, self.rate or NO_RATE_HEADERS, now=self._clock.now())
                return RateLimited(text, provider=provider, operation=operation, status=status, retry_after=wait)
            case ResponseClass.UNAVAILABLE:
                return ProviderUnavailable(text, provider=provider, operation=operation, status=status)
            case _:
                kind = ErrorClass.CREDENTIAL if meaning is ResponseClass.CREDENTIAL else ErrorClass.REJECTED
                return ProviderRejected(text, provider=provider, operation=operation, status=status, error_class=kind)

    def _undecodable_error(self, fault: BodyFault) -> ProviderError:
        text = f"{self._provider} answered {self.status} to {self._call.operation} with a body that {fault}"
        return self._unavailable(text, ErrorClass.UNDECODABLE)

    def _timeout_error(self) -> ProviderError:
        text = f"{self._provider} did not answer {self._call.operation} in time"
        return self._unavailable(text, ErrorClass.TIMEOUT)

    def _deadline_error(self) -> OutOfTime:
        text = f"the run reached its time limit before {self._provider} could answer {self._call.operation}"
        return OutOfTime(text, provider=self._provider, operation=self._call.operation)

    def _http_error(self, error: httpx.HTTPError) -> ProviderError:
        provider, operation = self._provider, self._call.operation
        match error:
            case ForeignOriginError():
                self.was_sent = False
                text = f"{operation} was not sent, because its address is not {provider}'s"
                return ProviderRejected(text, provider=provider, operation=operation)
            case httpx.TimeoutException():
                return self._timeout_error()
            case CertificateRefusedError():
                text = f"{provider} did not present a trusted certificate for {operation}"
            case httpx.ConnectError():
                text = f"{provider} could not be reached for {operation}"
            case httpx.RemoteProtocolError():
                text = f"{provider} did not answer {operation} with HTTP"
            case _:
                text = f"the connection to {provider} was lost during {operation}"
        return self._unavailable(text, ErrorClass.TRANSPORT)

    def _unavailable(self, text: str, kind: ErrorClass) -> ProviderError:
        return ProviderUnavailable(
            text, provider=self._provider, operation=self._call.operation, status=self.status, error_class=kind
        )


def _message(body: object) -> str:
    """Return the message of an error body. GHL sends one text or several, under one of three keys."""
    if not isinstance(body, dict):
        return ""
    for name in ("message", "error", "detail"):
        match body.get(name):
            case str() as text if text:
                return text
            case [str(), *_] as texts:
                return "; ".join(text for text in texts if isinstance(text, str))
    return ""
