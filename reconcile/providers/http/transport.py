"""httpx's transport interface over aiohttp's connection pool (why: docs/decisions/0002-http-transport.md)."""

import asyncio
import ssl
from datetime import timedelta
from typing import Self

import aiohttp
import certifi
import httpx
from aiohttp.client_middlewares import ClientHandlerType
from multidict import CIMultiDict
from yarl import URL

from reconcile.errors import SettingsError
from reconcile.providers.http.connections import QuietConnector
from reconcile.providers.http.origin import address_of

CONNECT_TIMEOUT = timedelta(seconds=3)
_OWN_HEADERS = frozenset({"User-Agent", "Accept", "Accept-Encoding", "Content-Type"})
"""What aiohttp would add by itself; a request says what it means."""


class CertificateRefusedError(httpx.ConnectError):
    """The other side did not prove to be who it is named."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One pool for all origins of a run: nothing decompressed, redirected, retried, or taken from the environment.

    It queues nothing: how many requests are under way is the caller's decision, so that waiting for a neighbour is
    never mistaken for a slow provider. Errors are httpx's, with fixed text and no cause: the library's own hold the
    request's headers and address.
    """

    def __init__(self, *, ca_file: str | None = None) -> None:
        # Roots that somebody names are read at once, for a wrong name is a fault of the settings; the system's own are
        # read with the first request that wants them, because that takes time.
        self._tls = tls_context(ca_file) if ca_file else None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* and return once the head of the response is there; the body is read from its stream."""
        session = self._session or self._open()
        headers = CIMultiDict((name.decode("ascii"), value.decode("ascii")) for name, value in request.headers.raw)
        try:
            response = await session.request(
                request.method,
                URL(address_of(request), encoded=True),
                headers=headers,
                data=request.content or None,
                allow_redirects=False,
                ssl=self._tls_context() if request.url.scheme == "https" else True,
            )
        except (aiohttp.ClientError, OSError) as exc:
            failure = _translated(exc)
        else:
            return httpx.Response(response.status, headers=response.raw_headers, stream=_ResponseBody(response))
        raise failure

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=QuietConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT.total_seconds()),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_OWN_HEADERS,
            auto_decompress=False,
            trust_env=False,
            middlewares=(_send_once,),
        )
        return self._session

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = tls_context()
        return self._tls


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return a context that verifies: against *ca_file*, else the system's roots, else those that certifi carries."""
    system = ssl.get_default_verify_paths()
    chosen = ca_file or (None if system.cafile or system.capath else certifi.where())
    try:
        return ssl.create_default_context(cafile=chosen)
    except OSError:  # which ssl's own errors are
        raise SettingsError([f"{chosen} cannot be read; name a file of PEM certificates"]) from None


class _ConnectionLostError(aiohttp.ClientConnectionError):
    """A lost connection in a class that aiohttp does not retry."""


async def _send_once(request: aiohttp.ClientRequest, send: ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a lost GET again by itself: such a second request would escape the retry budget."""
    try:
        return await send(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise _ConnectionLostError from None


def _translated(exc: Exception) -> httpx.TransportError:
    match exc:
        case asyncio.TimeoutError():
            return httpx.ConnectTimeout("no connection in time")
        case ssl.SSLCertVerificationError() | aiohttp.ClientConnectorCertificateError():
            return CertificateRefusedError("the certificate is not trusted")
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError("no connection")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return httpx.UnsupportedProtocol("not an address")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return httpx.RemoteProtocolError("not an HTTP response")
        case _:
            return httpx.ReadError("the connection was lost")


class _ResponseBody(httpx.AsyncByteStream):
    """The bytes as they were sent. A body that ends before its stated end raises."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __aiter__(self) -> "_ResponseBody":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._response.content.readany()
        except (aiohttp.ClientError, OSError):
            chunk = None
        if chunk is None:
            raise httpx.ReadError("the body was cut")
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Close the connection, unless the body was read to its end and the pool has the connection back."""
        self._response.close()
