"""Which addresses a provider may have, and that a token goes nowhere else."""

import contextlib

import httpx
import pytest
import yarl
from hypothesis import example, given
from hypothesis import strategies as st

from reconcile.domain.credential import Token
from reconcile.errors import SettingsError
from reconcile.providers.http.origin import BaseUrl, ForeignOriginError, OriginGuard, address_of

HOME = "https://services.example.com"


@pytest.mark.parametrize(
    ("text", "origin", "prefix"),
    [
        ("https://services.example.com", "https://services.example.com", ""),
        ("https://services.example.com/", "https://services.example.com", ""),
        ("HTTPS://Services.Example.COM:443", "https://services.example.com", ""),
        ("https://services.example.com:8443/v2/", "https://services.example.com:8443", "/v2"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
        ("http://127.1.2.3/ghl", "http://127.1.2.3", "/ghl"),
        ("http://localhost:80", "http://localhost", ""),
        ("http://[::1]:8080", "http://[::1]:8080", ""),
        ("https://[2001:db8::1]", "https://[2001:db8::1]", ""),
    ],
)
def test_one_address_has_one_spelling(text: str, origin: str, prefix: str) -> None:
    base = BaseUrl.parse(text, where="X")

    assert (base.origin, base.prefix) == (origin, prefix)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "services.example.com",
        "//services.example.com",
        "ftp://services.example.com",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://:443",
        "https://user:canary@services.example.com",
        "https://@services.example.com",
        "https://services.example.com?canary=1",
        "https://services.example.com#canary",
        "https://services.example.com:port",
        "https://services.example.com:99999",
        "https://services.example.com/a/../b",
        "https://services.example.com//evil.example",
        "https://services.example.com\\@evil.example",
        "https://services.example.com/a b",
        " https://services.example.com",
        "https://services.example.com\n",
        "https://services.exämple.com",
        "https://-.example.com-",
        "https://[::1",
        "https://[canary]",
        "http://services.example.com",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.1",
        "http://0.0.0.0",
        "http://2130706433",
        "http://10.0.0.1",
    ],
)
def test_any_other_address_is_refused_in_a_sentence_without_it(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^RECONCILE_GHL_BASE_URL must ") as refused:
        BaseUrl.parse(text, where="RECONCILE_GHL_BASE_URL")

    assert "canary" not in str(refused.value)
    assert "canary" not in repr(refused.value.__context__)


@given(st.text() | st.from_regex(r"\Ahttps?://[^ ]*\Z"))
def test_any_text_is_an_address_or_a_fault(text: str) -> None:
    with contextlib.suppress(SettingsError):
        base = BaseUrl.parse(text, where="X")

        assert BaseUrl.parse(base.origin + base.prefix, where="X") == base


class Sink(httpx.AsyncBaseTransport):
    """Where requests arrive that the guard lets pass."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200)


def guard(sink: Sink) -> OriginGuard:
    return OriginGuard(BaseUrl.parse(HOME, where="X"), token=Token.parse("canary", where="X"), transport=sink)


async def test_a_request_for_home_gets_the_token() -> None:
    sink = Sink()
    await guard(sink).handle_async_request(httpx.Request("GET", f"{HOME}/a?next=https://evil.example"))

    assert sink.requests[0].headers["Authorization"] == "Bearer canary"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "http://services.example.com/",
        "https://services.example.com:444/",
        "https://services.example.com.evil.example/",
        "https://services.example.com@evil.example/",
        "https://services.example.com:443@evil.example/",
        "https://evil.example/https://services.example.com/",
        "https://evil.example#services.example.com/",
        "https://evil.example\\@services.example.com/",
        "https://services.example.com./",
        "https://user@services.example.com/",
        "https://ⓢervices.example.com.evil.example/",
    ],
)
async def test_a_request_for_another_origin_is_not_sent(url: str) -> None:
    sink = Sink()
    with pytest.raises((ForeignOriginError, httpx.InvalidURL)):
        await guard(sink).handle_async_request(httpx.Request("GET", url))

    assert not sink.requests


@pytest.mark.parametrize("host", ["evil.example", "services.example.com:444", "", "services.example.com, evil.example"])
async def test_a_request_that_names_another_host_is_not_passed_on(host: str) -> None:
    sink = Sink()
    with pytest.raises(ForeignOriginError):
        await guard(sink).handle_async_request(httpx.Request("GET", HOME + "/", headers={"Host": host}))

    assert not sink.requests


@given(
    st.text(alphabet=st.sampled_from("/\\@:?#.%[] \t\n\x00aehlpst-éⓢ。"), max_size=30)
    .map(lambda text: HOME + text)
    .flatmap(lambda text: st.sampled_from([text, text.replace("services", "services@evil", 1), text[8:]]))
)
async def test_every_allowed_address_has_our_origin_in_other_parsers(text: str) -> None:
    sink = Sink()
    with contextlib.suppress(httpx.InvalidURL, httpx.UnsupportedProtocol):
        await guard(sink).handle_async_request(httpx.Request("GET", text))

    for request in sink.requests:
        seen = yarl.URL(address_of(request), encoded=True)
        assert (seen.scheme, seen.raw_host, seen.port, seen.user) == ("https", "services.example.com", 443, None)


@given(st.binary(max_size=30) | st.text(alphabet="/\\@:?#.%[] \t\n\x00aehlpst-", max_size=30).map(str.encode))
@example(b"")
@example(b"@evil.example/")
@example(b".evil.example/")
@example(b":444/")
@example(b"/a\\@evil.example")
@example("/\u00a0".encode())
async def test_a_target_cannot_change_the_origin(target: bytes) -> None:
    sink = Sink()
    asked = httpx.Request("GET", HOME + "/", extensions={"target": target})
    with contextlib.suppress(ForeignOriginError):
        await guard(sink).handle_async_request(asked)

    for request in sink.requests:
        seen = yarl.URL(address_of(request), encoded=True)
        assert (seen.scheme, seen.raw_host, seen.port, seen.user) == ("https", "services.example.com", 443, None)
    assert bool(sink.requests) == (target[:1] == b"/" and all(0x21 <= byte <= 0x7E and byte != 0x5C for byte in target))


async def test_a_target_replaces_path_and_query() -> None:
    sink = Sink()
    await guard(sink).handle_async_request(httpx.Request("GET", HOME + "/", extensions={"target": b"/a?b=%2f"}))

    assert address_of(sink.requests[0]) == f"{HOME}/a?b=%2f"
