"""A provider's base URL, and the guard that sends a credential only to its origin."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from reconcile.errors import SettingsError

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.ASCII)
_PLAIN = re.compile(r"[!-\[\]-~]*", re.ASCII)
"""Visible ASCII without the backslash, which some parsers read as a slash."""


class Revealable(Protocol):
    """A token whose text is returned by ``reveal`` only, never by ``repr``."""

    def reveal(self) -> str:
        """Return the secret text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrl:
    """A normalized base URL: *origin* is scheme, host and port, *prefix* the path without a trailing slash."""

    origin: str
    authority: str
    prefix: str

    @classmethod
    def parse(cls, text: str, *, where: str) -> "BaseUrl":
        """Parse *text*; raises SettingsError that names *where* and not the text, which may hold a password."""
        fault = f"{where} must be a URL such as https://services.example.com"
        if not _PLAIN.fullmatch(text):
            raise SettingsError([f"{fault}, without white space, backslashes or characters outside ASCII"])
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            parts = None
        if parts is None:
            raise SettingsError([fault])
        host = parts.netloc.rpartition("@")[2].lower()
        host = host if host.endswith("]") else re.sub(r":[0-9]*$", "", host)
        if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
            raise SettingsError([fault])
        if "@" in parts.netloc or "?" in text or "#" in text:
            raise SettingsError([f"{fault}, without user, query or fragment"])
        if parts.scheme == "http" and not _is_loopback(host):
            raise SettingsError(
                [f"{where} must begin with https://; plain http is allowed for this machine only (127.0.0.1)"]
            )
        if "//" in parts.path or {".", ".."} & set(parts.path.split("/")):
            raise SettingsError([f"{fault}, with a path without dot segments"])
        default = 443 if parts.scheme == "https" else 80
        authority = host if port in {None, default} else f"{host}:{port}"
        return cls(origin=f"{parts.scheme}://{authority}", authority=authority, prefix=parts.path.rstrip("/"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def address_of(request: httpx.Request) -> str:
    """Return the URL of *request*; httpx's extension ``target`` replaces path and query."""
    target = request.extensions.get("target")
    if target is None:
        return str(request.url)
    return f"{request.url.scheme}://{request.url.netloc.decode()}{target.decode('latin-1')}"


class ForeignOriginError(httpx.UnsupportedProtocol):
    """The request is for another origin than its credential's; nothing was sent."""


class OriginGuard(httpx.AsyncBaseTransport):
    """Adds a credential's token to requests for its origin; refuses every other request.

    The token is added in this layer, so that no layer that chooses the URL holds it.
    """

    def __init__(self, base: BaseUrl, *, token: Revealable, transport: httpx.AsyncBaseTransport) -> None:
        self._root = f"{base.origin}/"
        self._authority = base.authority
        self._token = token
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* with the token, or raise ForeignOriginError before a connection is opened."""
        address = address_of(request)
        # The text is compared, not its parsed parts: a text that begins with the origin and a slash, without backslash,
        # white space or control characters, has no other authority in any URL parser.
        if not address.startswith(self._root) or not _PLAIN.fullmatch(address):
            raise ForeignOriginError("the request is not for the credential's origin")
        if request.headers.get("Host") != self._authority:
            raise ForeignOriginError("the request's Host is not the credential's")
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return await self._transport.handle_async_request(request)
