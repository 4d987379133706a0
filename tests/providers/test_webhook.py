"""Deliveries: what is sent, how it is signed, and what counts as confirmed."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from reconcile.domain.credential import Token
from reconcile.domain.ids import AppointmentId, LeadId, RunId, WorkspaceId
from reconcile.domain.planning.change import EffectKind
from reconcile.errors import (
    ErrorClass,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    SettingsError,
)
from reconcile.ports import OutboxRow
from reconcile.providers.http.transport import AiohttpTransport
from reconcile.providers.webhook import WebhookSink
from reconcile.wire.signing import signature_headers

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET = "a-key-of-some-length"
URL = "https://hooks.example.com/in/c4n4ry?team=7"
ROW = OutboxRow(
    key="k-1",
    kind=EffectKind.OPEN_CANCELLATION_TASK,
    workspace_id=WorkspaceId("ws"),
    lead_id=LeadId("lead"),
    appointment_id=AppointmentId("apt"),
    run_id=RunId("run"),
    created_at=datetime(2026, 11, 24, 13, 0, 0, 123456, tzinfo=UTC),
)


class Clock:
    """Stands still."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 100.0

    async def sleep(self, duration: timedelta) -> None:
        raise AssertionError(f"a delivery does not wait {duration}")


def sink(answer: Callable[[httpx.Request], httpx.Response], *, url: str = URL, secret: str = SECRET) -> WebhookSink:
    """Make a sink whose receiver answers so."""
    transport = httpx.MockTransport(answer)
    return WebhookSink(url, secret=Token.parse(secret, where="a test"), transport=transport, clock=Clock())


async def test_a_follow_up_is_posted_signed() -> None:
    """A receiver can check it with any library of the specification."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    await sink(answer).deliver(ROW, deadline=110)

    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", URL)
    assert json.loads(request.content) == {
        "id": "k-1",
        "type": "open_cancellation_task",
        "workspaceId": "ws",
        "leadId": "lead",
        "appointmentId": "apt",
        "runId": "run",
        "createdAt": "2026-11-24T13:00:00.123Z",
    }
    text = f"k-1.{int(NOW.timestamp())}.".encode() + request.content
    signature = base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-id"] == request.headers["idempotency-key"] == "k-1"
    assert request.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert request.headers["webhook-signature"] == f"v1,{signature}"
    assert "authorization" not in request.headers


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the Standard Webhooks reference libraries."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)

    headers = signature_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', key=key, at=at)

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_key_in_base64_is_decoded() -> None:
    """As the specification writes keys."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    await sink(answer, secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").deliver(ROW, deadline=110)

    (request,) = seen
    expected = signature_headers(
        "k-1", request.content, key=base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), at=NOW
    )
    assert request.headers["webhook-signature"] == expected["webhook-signature"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_a_success_confirms(status: int) -> None:
    """Whatever its body says."""
    await sink(lambda _: httpx.Response(status, text="thanks")).deliver(ROW, deadline=110)


@pytest.mark.parametrize(
    ("status", "kind", "error_class"),
    [
        (301, ProviderRejected, ErrorClass.REJECTED),
        (302, ProviderRejected, ErrorClass.REJECTED),
        (307, ProviderRejected, ErrorClass.REJECTED),
        (400, ProviderRejected, ErrorClass.REJECTED),
        (401, ProviderRejected, ErrorClass.CREDENTIAL),
        (404, ProviderRejected, ErrorClass.REJECTED),
        (410, ProviderRejected, ErrorClass.REJECTED),
        (408, ProviderUnavailable, ErrorClass.UNAVAILABLE),
        (429, RateLimited, ErrorClass.RATE_LIMITED),
        (500, ProviderUnavailable, ErrorClass.UNAVAILABLE),
        (503, ProviderUnavailable, ErrorClass.UNAVAILABLE),
    ],
)
async def test_anything_else_does_not(status: int, kind: type[ProviderError], error_class: ErrorClass) -> None:
    """A redirect is not followed: the address is the customer's own word."""
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(status, headers={"Location": "http://127.0.0.1:9/"}, text="c4n4ry-body")

    with pytest.raises(kind) as caught:
        await sink(answer).deliver(ROW, deadline=110)

    error = caught.value
    assert (error.error_class, error.status) == (error_class, status)
    assert (error.provider, error.operation) == ("webhook", "open_cancellation_task")
    assert "c4n4ry" not in repr(error)
    assert len(asked) == 1


async def test_a_receivers_retry_after_is_used() -> None:
    """As a provider does."""
    with pytest.raises(RateLimited) as caught:
        await sink(lambda _: httpx.Response(429, headers={"Retry-After": "17"})).deliver(ROW, deadline=110)

    assert caught.value.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize(
    ("trouble", "error_class"),
    [
        (httpx.ConnectError("c4n4ry"), ErrorClass.TRANSPORT),
        (httpx.ReadError("c4n4ry"), ErrorClass.TRANSPORT),
        (httpx.ConnectTimeout("c4n4ry"), ErrorClass.TIMEOUT),
    ],
)
async def test_no_answer_is_no_confirmation(trouble: Exception, error_class: ErrorClass) -> None:
    """And the error holds nothing of the library's, which may hold the address."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise trouble

    with pytest.raises(ProviderUnavailable) as caught:
        await sink(answer).deliver(ROW, deadline=110)

    assert caught.value.error_class is error_class
    assert "c4n4ry" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_a_receiver_that_hangs_is_given_up_at_the_deadline() -> None:
    """Its silence costs what the run has left and no more."""

    class Hanging(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    hanging = WebhookSink(URL, secret=Token.parse(SECRET, where="a test"), transport=Hanging(), clock=Clock())

    with pytest.raises(ProviderUnavailable, match="did not answer in time"):
        await hanging.deliver(ROW, deadline=100.01)


async def test_nothing_is_sent_when_the_time_is_up() -> None:
    """It stays in the outbox."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("asked")

    with pytest.raises(ProviderUnavailable, match="the run reached its time limit"):
        await sink(answer).deliver(ROW, deadline=100)


async def test_a_delivery_goes_over_a_real_connection() -> None:
    """Through the pool that the providers share."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, AiohttpTransport() as transport:
        url = f"http://127.0.0.1:{port}/hook"
        here = WebhookSink(url, secret=Token.parse(SECRET, where="a test"), transport=transport, clock=Clock())
        with pytest.raises(ProviderRejected, match=r"^the webhook answered 302$"):
            await here.deliver(ROW, deadline=110)

    assert heads[0].startswith(b"POST /hook HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "ftp://hooks.example.com/x",
        "https://user:c4n4ry@hooks.example.com/",
        "https://hooks.example.com\\@evil.example/",
        "https://hooks.example.com/#c4n4ry",
        "https://hooks.example.com/?a#c4n4ry",
        "hooks.example.com",
        "",
    ],
)
def test_an_address_that_will_not_do_is_refused_at_once(url: str) -> None:
    """The sentence names the setting and not the address, which may be a secret."""
    with pytest.raises(SettingsError, match=r"^RECONCILE_WEBHOOK_URL ") as caught:
        sink(lambda _: httpx.Response(200), url=url)

    assert "c4n4ry" not in str(caught.value)


def test_a_key_that_will_not_do_is_refused_at_once() -> None:
    """The sentence does not hold it."""
    with pytest.raises(SettingsError, match=r"^RECONCILE_WEBHOOK_SECRET ") as caught:
        sink(lambda _: httpx.Response(200), secret="whsec_c4n4ry!")

    assert "c4n4ry" not in str(caught.value)
