"""Delivers follow-ups to the customer's webhook, signed as the Standard Webhooks specification says."""

import asyncio
from datetime import UTC, timedelta
from urllib.parse import urlsplit

import httpx
import orjson

from reconcile.errors import (
    ErrorClass,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    SettingsError,
)
from reconcile.ports import Clock, OutboxRow
from reconcile.providers.http.body import BodyReader
from reconcile.providers.http.origin import BaseUrl, Revealable
from reconcile.providers.http.rate_limits import RateHeaders, wait_of
from reconcile.providers.http.status_policy import ResponseClass, classify_status
from reconcile.providers.http.transport import CONNECT_TIMEOUT
from reconcile.wire.signing import signature_headers, signing_key

_NAME = "webhook"
_LONGEST_DELIVERY = timedelta(seconds=10)
_EXTENSIONS = {"timeout": {"connect": CONNECT_TIMEOUT.total_seconds()}}


class WebhookSink:
    """Delivers follow-ups to one URL; implements ``EffectSink``. It follows no redirect.

    The receiver may get a follow-up twice: ``webhook-id`` and ``Idempotency-Key`` are then the same.
    """

    def __init__(self, url: str, *, secret: Revealable, transport: httpx.AsyncBaseTransport, clock: Clock) -> None:
        self._url = _checked(url)
        self._key = _key(secret)
        self._transport = transport
        self._clock = clock
        self._bodies = BodyReader()

    async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
        """Deliver one follow-up in one attempt. A 2xx response confirms it; anything else raises ProviderError."""
        left = deadline - self._clock.monotonic()
        if left <= 0:
            raise self._unavailable(row, "was not called, because the run reached its time limit", ErrorClass.TIMEOUT)
        content = document(row)
        request = httpx.Request(
            "POST",
            self._url,
            headers={
                "Content-Type": "application/json",
                "User-Agent": "appointment-reconciler",
                "Idempotency-Key": row.key,
                **signature_headers(row.key, content, key=self._key, at=self._clock.now()),
            },
            content=content,
            extensions=_EXTENSIONS,
        )
        failure: ProviderError | None
        # Raised outside ``except``: a context would hold the library's error with the address or the headers.
        try:
            async with asyncio.timeout(min(left, _LONGEST_DELIVERY.total_seconds())):
                failure = await self._send(row, request)
        except (TimeoutError, httpx.TimeoutException):
            failure = self._unavailable(row, "did not answer in time", ErrorClass.TIMEOUT)
        except httpx.HTTPError:
            failure = self._unavailable(row, "could not be reached", ErrorClass.TRANSPORT)
        if failure is not None:
            raise failure

    async def _send(self, row: OutboxRow, request: httpx.Request) -> ProviderError | None:
        response = await self._transport.handle_async_request(request)
        try:
            await self._bodies.drain(response)
        finally:
            await response.aclose()
        status = response.status_code
        if response.is_success:
            return None
        text = f"the webhook answered {status}"
        match classify_status(status):
            case ResponseClass.RATE_LIMITED:
                rate = RateHeaders.read(response.headers)
                wait = wait_of(response.headers, rate, now=self._clock.now())
                return RateLimited(text, provider=_NAME, operation=row.kind, status=status, retry_after=wait)
            case ResponseClass.UNAVAILABLE:
                return ProviderUnavailable(text, provider=_NAME, operation=row.kind, status=status)
            case ResponseClass.CREDENTIAL:
                kind = ErrorClass.CREDENTIAL
            case _:
                kind = ErrorClass.REJECTED
        return ProviderRejected(text, provider=_NAME, operation=row.kind, status=status, error_class=kind)

    def _unavailable(self, row: OutboxRow, what: str, kind: ErrorClass) -> ProviderUnavailable:
        return ProviderUnavailable(f"the webhook {what}", provider=_NAME, operation=row.kind, error_class=kind)


def document(row: OutboxRow) -> bytes:
    """Return the payload: ids and kinds, no personal data."""
    return orjson.dumps(
        {
            "id": row.key,
            "type": row.kind,
            "workspaceId": row.workspace_id,
            "leadId": row.lead_id,
            "appointmentId": row.appointment_id,
            "runId": row.run_id,
            "createdAt": row.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
    )


def _checked(text: str) -> httpx.URL:
    where = "RECONCILE_WEBHOOK_URL"
    address, _, query = text.partition("?")
    base = BaseUrl.parse(address, where=where)
    path = urlsplit(address).path or "/"
    try:
        url = httpx.URL(f"{base.origin}{path}{f'?{query}' if query else ''}")
    except httpx.InvalidURL:
        url = None
    if url is None or url.fragment or not str(url).startswith(f"{base.origin}/"):
        raise SettingsError([f"{where} must be a URL such as https://hooks.example.com/appointments"])
    return url


def _key(secret: Revealable) -> bytes:
    try:
        return signing_key(secret.reveal())
    except ValueError as error:
        fault = f"RECONCILE_WEBHOOK_SECRET {error}"
    raise SettingsError([fault])
