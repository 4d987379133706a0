"""Who may look: asked before anything is read or drawn."""

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass

from reconcile.errors import SettingsError

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAuth:
    """The rules of one address: on loopback no token is needed, but the browser must mean this machine."""

    host: str
    token: bytes | None

    @classmethod
    def at(cls, host: str, *, token: str | None) -> "PageAuth":
        """Return the door of *host*; raise SettingsError where everybody could come in."""
        auth = cls(host=host, token=token.encode() if token else None)
        if not auth.is_loopback and token is None:
            fault = (
                f"serving on {host} needs a token, so that not everybody who reaches it can look: set "
                "RECONCILE_PAGE_TOKEN or RECONCILE_PAGE_TOKEN_FILE, or leave --host away"
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
        """Tell whether a Host header names this machine: a page elsewhere may have its name point here.

        Where a token is needed that is the guard, for a browser sends it to the names alone that it was given for.
        """
        if not self.is_loopback:
            return True
        name = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
        return name.strip("[]").lower() in _LOOPBACK_NAMES | {self.host}

    def lets_in(self, authorization: str) -> bool:
        """Tell whether an Authorization header holds the token, as bearer or as a password; in constant time."""
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
