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
"""Headers that aiohttp would add; a request sets its own."""


class CertificateRefusedError(httpx.ConnectError):
    """The server's certificate is not trusted for its host name."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One connection pool for all origins of a run, without decompression, redirects, retries or environment settings.

    It does not queue: the caller decides how many requests are in flight, so that waiting for a connection is never
    taken for a slow provider. Errors are httpx's, with fixed text and no cause, because the library's errors hold the
    request's headers and address.
    """

    def __init__(self, *, ca_file: str | None = None) -> None:
        # Configured roots are read at once, because a wrong path is a fault of the settings; the system's are read with
        # the first request, because that takes time.
        self._tls = tls_context(ca_file) if ca_file else None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* and return when the head of the response has arrived; the body is read from its stream."""
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
            failure = _httpx_error(exc)
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
    """Return a verifying context with the roots of *ca_file*, else the system's, else certifi's.

    Raises SettingsError if the file cannot be read.
    """
    system = ssl.get_default_verify_paths()
    chosen = ca_file or (None if system.cafile or system.capath else certifi.where())
    try:
        return ssl.create_default_context(cafile=chosen)
    except OSError:  # includes ssl.SSLError
        raise SettingsError([f"{chosen} cannot be read; name a file of PEM certificates"]) from None


class _ConnectionLostError(aiohttp.ClientConnectionError):
    """A lost connection in a class that aiohttp does not retry."""


async def _send_once(request: aiohttp.ClientRequest, send: ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from resending a GET after a lost connection: the retry budget would not count it."""
    try:
        return await send(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise _ConnectionLostError from None


def _httpx_error(exc: Exception) -> httpx.TransportError:
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
    """The body's bytes, not decompressed. Raises httpx.ReadError if the body is truncated."""

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
        """Close the connection, unless the body was read to its end and the connection is back in the pool."""
        self._response.close()
