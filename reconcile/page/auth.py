"""Access control of the page's server, checked before anything is read."""

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass

from reconcile.errors import SettingsError

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAuth:
    """The rules of one address: loopback needs no token, but the Host header must name this machine."""

    host: str
    token: bytes | None

    @classmethod
    def at(cls, host: str, *, token: str | None) -> "PageAuth":
        """Return the access rules of *host*; raise SettingsError if it would be open to everybody."""
        auth = cls(host=host, token=token.encode() if token else None)
        if not auth.is_loopback and token is None:
            fault = (
                f"serving on {host} needs a token, because others can reach it: set "
                "RECONCILE_PAGE_TOKEN or RECONCILE_PAGE_TOKEN_FILE, or leave out --host"
            )
            raise SettingsError([fault])
        return auth

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host in _LOOPBACK_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def knows_host(self, header: str) -> bool:
        """Return whether a Host header names this machine: another site's name may resolve to this address.

        With a token this check is not needed, because a browser sends the token only to the host it was entered for.
        """
        if not self.is_loopback:
            return True
        name = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
        return name.strip("[]").lower() in _LOOPBACK_NAMES | {self.host}

    def lets_in(self, authorization: str) -> bool:
        """Return whether an Authorization header has the token, as bearer or password; in constant time."""
        if self.token is None:
            return True
        scheme, _, credentials = authorization.partition(" ")
        given = credentials.strip().encode("utf-8", "surrogateescape")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                given = b""
        elif scheme.lower() != "bearer":
            given = b""
        return hmac.compare_digest(given, self.token)
