"""The same client over real sockets, against servers that break at every phase."""

import asyncio
import contextlib
import gzip
import re
import socket
import ssl
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile.errors import ErrorClass, ProviderError, ProviderRejected, ProviderUnavailable, SettingsError
from reconcile.providers.http.client import AiohttpTransport, Call, Client, ProviderAttempt
from reconcile.providers.http.retry import RetryPolicy
from tests.providers.http.conftest import CALL, EMAIL, TOKEN, RealClock, StillClock
from tests.providers.http.listener import OK, Peer, Script, listening
from tests.timeouts import HUNG

CERTIFICATES = Path(__file__).parent / "certificates"
ONCE = RetryPolicy(attempts=1)
Make = Callable[..., Client]


@pytest.fixture
def clock() -> StillClock:
    return RealClock()


def soon() -> float:
    return time.monotonic() + HUNG


async def refuse(peer: Peer) -> None:
    """Close before a word."""


async def reset_at_once(peer: Peer) -> None:
    peer.reset()


async def close_after_request(peer: Peer) -> None:
    await peer.head()


async def reset_after_request(peer: Peer) -> None:
    await peer.head()
    peer.reset()


def saying(*parts: bytes, reset: bool = False) -> Script:
    async def script(peer: Peer) -> None:
        await peer.head()
        for part in parts:
            await peer.say(part)
        if reset:
            await asyncio.sleep(0.01)
            peer.reset()

    return script


def repeating(head: bytes, part: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.say(head)
        while True:
            await peer.say(part)
            await asyncio.sleep(0)

    return script


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CUT = "ghl answered 200 to appointment with a body that is cut"
LOST = "the connection to ghl was lost during appointment"
CUT_OR_NO_HTTP = re.compile(
    r"ghl (?:did not answer appointment with HTTP|answered 200 to appointment with a body that is cut)"
)
"""Which of the two depends on how the bytes arrive."""
NO_HTTP = "ghl did not answer appointment with HTTP"
TOO_LONG = "ghl answered 200 to appointment with a body that is longer than 4194304 bytes"
BOMB = gzip.compress(b" " * 64 * 1024 * 1024)

BROKEN: dict[str, tuple[Script, str | re.Pattern[str]]] = {
    "closed before the request": (refuse, LOST),
    "reset before the request": (reset_at_once, LOST),
    "closed after the request": (close_after_request, LOST),
    "reset after the request": (reset_after_request, LOST),
    "closed in the status line": (saying(b"HTTP/1.1 2"), LOST),
    "closed in the head": (saying(HEAD + b"Content-Le"), LOST),
    "reset in the head": (saying(HEAD + b"Content-Le", reset=True), LOST),
    "closed in the body": (saying(HEAD + b"Content-Length: 100\r\n\r\n{}"), CUT),
    "reset in the body": (saying(HEAD + b"Content-Length: 100\r\n\r\n{}", reset=True), CUT),
    "closed before the body": (saying(HEAD + b"Content-Length: 100\r\n\r\n"), CUT),
    "closed in a chunk": (saying(CHUNKED + b"9\r\n{}"), CUT),
    "closed between chunks": (saying(CHUNKED + b"2\r\n{}\r\n"), CUT),
    "a chunk of nonsense": (saying(CHUNKED + b"zz\r\n{}\r\n"), CUT_OR_NO_HTTP),
    "a negative chunk": (saying(CHUNKED + b"-2\r\n{}\r\n"), CUT_OR_NO_HTTP),
    "garbage": (saying(b"\x00\xff" * 100 + b"\r\n\r\n"), NO_HTTP),
    "another protocol": (saying(b"SSH-2.0-OpenSSH_9\r\n"), NO_HTTP),
    "a status of nonsense": (saying(b"HTTP/1.1 two OK\r\n\r\n"), NO_HTTP),
    "two lengths": (saying(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "), NO_HTTP),
    "a negative length": (saying(HEAD + b"Content-Length: -2\r\n\r\n{}"), NO_HTTP),
    "length and chunks": (
        saying(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        NO_HTTP,
    ),
    "an endless header": (repeating(HEAD + b"X-A: ", b"a" * 65536), NO_HTTP),
    "endless headers": (repeating(HEAD, b"X-A: a\r\n" * 1000), NO_HTTP),
    "ten gigabytes": (saying(HEAD + b"Content-Length: 10737418240\r\n\r\n{}"), TOO_LONG),
    "endless chunks": (repeating(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"), TOO_LONG),
    "an endless body": (repeating(HEAD + b"\r\n", b" " * 65536), TOO_LONG),
    "a bomb": (
        saying(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB),
        "ghl answered 200 to appointment with a body that unpacks to more than 8388608 bytes",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_broken_answer_is_a_typed_error_after_one_request(client: Make, broken: str) -> None:
    script, message = BROKEN[broken]
    async with listening(script) as listener:
        with pytest.raises(ProviderUnavailable) as raised:
            await client(listener.url, policy=ONCE).ask(CALL, deadline=soon())

    assert re.fullmatch(message, str(raised.value))
    assert listener.connections == 1
    assert raised.value.__context__ is None
    shown = "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))
    assert EMAIL not in shown
    assert TOKEN not in shown


async def drip(peer: Peer) -> None:
    await peer.head()
    await peer.say(HEAD + b"Content-Length: 1000000\r\n\r\n")
    while True:
        await peer.say(b" ")
        await asyncio.sleep(0.001)


async def drip_head(peer: Peer) -> None:
    await peer.head()
    await peer.say(HEAD)
    for number in range(100_000):
        await peer.say(b"X" if number else b"X-Slow: ")
        await asyncio.sleep(0.01)


async def hang(peer: Peer) -> None:
    await peer.head()
    await peer.hang()


ENDLESS_WAITS = {
    "a black hole": hang,
    "a dripping body": drip,
    "a dripping head": drip_head,
    "continue for ever": repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("wait", ENDLESS_WAITS)
async def test_an_endless_response_is_a_timeout_and_its_connection_is_closed(client: Make, wait: str) -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        try:
            await ENDLESS_WAITS[wait](peer)
        finally:
            gone.set()

    policy = RetryPolicy(attempts=1, attempt_timeout=timedelta(milliseconds=50))
    async with listening(script) as listener:
        with pytest.raises(ProviderUnavailable) as raised:
            await client(listener.url, policy=policy).ask(CALL, deadline=soon())

        await gone.wait()
        assert raised.value.error_class is ErrorClass.TIMEOUT


async def test_a_refused_connection_is_an_error_and_not_a_timeout(client: Make) -> None:
    async with listening(refuse) as listener:
        pass
    with pytest.raises(ProviderUnavailable, match=r"^ghl could not be reached for appointment$"):
        await client(listener.url, policy=ONCE).ask(CALL, deadline=soon())


async def test_a_name_that_does_not_resolve_is_an_error_without_the_name(
    client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "canary")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with pytest.raises(ProviderUnavailable, match=r"^ghl could not be reached for appointment$"):
        await client("https://services.example.com", policy=ONCE).ask(CALL, deadline=soon())


async def test_connections_are_kept(client: Make) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.head()
            await peer.say(OK)

    async with listening(script) as listener:
        asking = client(listener.url)
        for _ in range(5):
            await asking.ask(CALL, deadline=soon())

    assert (listener.connections, len(listener.heads)) == (1, 5)


@pytest.mark.parametrize("status", [b"429 Too Many", b"503 Away", b"302 Found", b"404 No"])
async def test_a_refusal_costs_no_connection(client: Make, status: bytes) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.head()
            await peer.say(b"HTTP/1.1 %s\r\nContent-Length: 9000\r\n\r\n" % status + b" " * 9000)

    async with listening(script) as listener:
        asking = client(listener.url, policy=ONCE)
        for _ in range(3):
            with pytest.raises(Exception, match=r"^ghl answered \d+"):
                await asking.ask(CALL, deadline=soon())

    assert listener.connections == 1


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_kept_connection_that_ended_is_replaced_by_one_attempt_of_ours(
    client: Make, attempts: list[ProviderAttempt], end: str
) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.say(OK)
        if peer.number == 1:
            await peer.head()
            if end == "reset":
                peer.reset()
        else:
            await peer.hang()

    async with listening(script) as listener:
        asking = client(listener.url)
        await asking.ask(CALL, deadline=soon())
        await asking.ask(CALL, deadline=soon())

    assert [(a.number, a.error_class) for a in attempts] == [(1, None), (1, ErrorClass.TRANSPORT), (2, None)]
    assert len(listener.heads) == 3


async def test_interim_answers_are_passed_over(client: Make) -> None:
    async with listening(
        saying(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK)
    ) as listener:
        assert (await client(listener.url).ask(CALL, deadline=soon())).body == {}


async def test_a_switch_of_protocols_is_refused(client: Make) -> None:
    async with listening(saying(b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")) as listener:
        with pytest.raises(ProviderRejected, match=r"^ghl answered 101 to appointment$"):
            await client(listener.url).ask(CALL, deadline=soon())


async def test_header_bytes_outside_ascii_do_no_harm(client: Make) -> None:
    async with listening(
        saying(HEAD + b"Server: \xff\xc3\xa9\r\nX-RATELIMIT-remaining: 5\r\nContent-Length: 2\r\n\r\n{}")
    ) as listener:
        assert (await client(listener.url).ask(CALL, deadline=soon())).rate.remaining == 5


async def test_nothing_is_taken_from_the_environment_or_from_cookies(
    client: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.head()
            await peer.say(HEAD + b"Set-Cookie: a=canary; Path=/\r\nContent-Length: 2\r\n\r\n{}")

    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary")
    async with listening(script) as listener, listening(hang) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NETRC", str(netrc))
        asking = client(listener.url)
        await asking.ask(CALL, deadline=soon())
        await asking.ask(CALL, deadline=soon())

    assert proxy.connections == 0
    assert b"canary" not in b"".join(listener.heads).replace(EMAIL.encode(), b"").replace(TOKEN.encode(), b"").replace(
        b"canary%40", b""
    )


LURES = ["Location", "Content-Location", "Refresh", "Link", "URI", "Alt-Svc"]


@pytest.mark.parametrize("status", [200, 201, 300, 301, 302, 303, 305, 307, 308, 401, 407, 426, 503])
async def test_no_answer_lures_a_byte_to_another_listener(client: Make, status: int) -> None:
    async with listening(hang) as canary:
        lures = b"".join(f"{lure}: {canary.url}/x\r\n".encode() for lure in LURES)
        body = b'{"next_page": "%s"}' % canary.url.encode()
        head = b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n" % (status, lures, len(body))
        async with listening(saying(head + body)) as listener:
            with contextlib.suppress(ProviderError):
                await client(listener.url, policy=ONCE).ask(CALL, deadline=soon())

    assert listener.connections == 1
    assert canary.connections == 0


@pytest.mark.parametrize(
    "value",
    [
        "{url}/x",
        "//127.0.0.1:{port}/x",
        "/\\127.0.0.1:{port}/x",
        "@127.0.0.1:{port}",
        "..//127.0.0.1:{port}/",
        "%2f%2f127.0.0.1:{port}",
        "x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\nGET /",
    ],
)
@pytest.mark.parametrize("path", ["/a/{id}", "/{id}"])
async def test_no_stored_value_lures_a_byte_to_another_listener(client: Make, value: str, path: str) -> None:
    async with listening(hang) as canary, listening(saying(OK)) as listener:
        call = Call(
            operation=CALL.operation,
            path=path,
            path_params={"id": value.format(url=canary.url, port=canary.port)},
            query=[("page_token", value.format(url=canary.url, port=canary.port))],
        )
        await client(listener.url, policy=ONCE).ask(call, deadline=soon())

    assert canary.connections == 0
    assert len(listener.heads) == 1
    assert listener.heads[0].count(b"\r\nhost: ") + listener.heads[0].count(b"\r\nHost: ") == 1


def server_context(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


async def test_tls_with_a_known_root_is_spoken(client: Make) -> None:
    async with (
        AiohttpTransport(ca_file=str(CERTIFICATES / "root.pem")) as transport,
        listening(saying(OK), tls=server_context("good")) as listener,
    ):
        for host in ("localhost", "127.0.0.1"):
            asking = client(f"https://{host}:{listener.port}", over=transport)
            assert (await asking.ask(CALL, deadline=soon())).status == 200


@pytest.mark.parametrize("name", ["elsewhere", "expired", "untrusted"])
async def test_a_certificate_that_proves_nothing_is_refused_before_a_byte_is_sent(client: Make, name: str) -> None:
    async with (
        AiohttpTransport(ca_file=str(CERTIFICATES / "root.pem")) as transport,
        listening(saying(OK), tls=server_context(name)) as listener,
    ):
        asking = client(f"https://localhost:{listener.port}", over=transport, policy=ONCE)
        with pytest.raises(ProviderUnavailable, match=r"did not present a trusted certificate for appointment$"):
            await asking.ask(CALL, deadline=soon())

    assert not listener.heads


async def test_a_root_that_is_not_named_is_not_trusted(client: Make) -> None:
    async with listening(saying(OK), tls=server_context("good")) as listener:
        with pytest.raises(ProviderUnavailable, match="did not present a trusted certificate"):
            await client(f"https://localhost:{listener.port}", policy=ONCE).ask(CALL, deadline=soon())

    assert not listener.heads


async def test_a_root_in_the_usual_variable_is_trusted(client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "root.pem"))
    async with listening(saying(OK), tls=server_context("good")) as listener:
        assert (await client(f"https://localhost:{listener.port}").ask(CALL, deadline=soon())).status == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_version_of_tls_is_refused(client: Make) -> None:
    old = server_context("good")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with (
        AiohttpTransport(ca_file=str(CERTIFICATES / "root.pem")) as transport,
        listening(saying(OK), tls=old) as listener,
    ):
        with pytest.raises(ProviderUnavailable, match=r"^ghl could not be reached for appointment$"):
            await client(f"https://localhost:{listener.port}", over=transport, policy=ONCE).ask(CALL, deadline=soon())

    assert not listener.heads


async def test_plain_text_instead_of_tls_is_refused_and_nothing_is_sent_unencrypted(client: Make) -> None:
    heard = bytearray()

    async def script(peer: Peer) -> None:
        heard.extend(await peer.reader.read(65536))
        await peer.say(OK)

    async with listening(script) as listener:
        with pytest.raises(ProviderUnavailable, match=r"^ghl could not be reached for appointment$"):
            await client(f"https://localhost:{listener.port}", policy=ONCE).ask(CALL, deadline=soon())

    assert heard
    assert TOKEN.encode() not in heard
    assert b"appointments" not in heard


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_handshake_that_breaks_off_is_refused(client: Make, end: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        if end == "reset":
            peer.reset()

    async with listening(script) as listener:
        with pytest.raises(ProviderUnavailable) as raised:
            await client(f"https://localhost:{listener.port}", policy=ONCE).ask(CALL, deadline=soon())

    assert raised.value.error_class is ErrorClass.TRANSPORT


@pytest.mark.parametrize("text", [None, "", "no certificate"])
async def test_a_file_without_certificates_is_a_fault_of_the_settings(
    client: Make, tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "roots.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=r"cannot be read; name a file of PEM certificates$"):
        AiohttpTransport(ca_file=str(file))
