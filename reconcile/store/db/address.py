"""Parses the database's URL into the database and the settings of its driver."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from reconcile.domain.setup.identifier import identifier
from reconcile.errors import SettingsError
from reconcile.store.db.types import POSTGRESQL, SQLITE

VARIABLE = "RECONCILE_DATABASE_URL"

_LAST_PORT = 65535
_HOST = re.compile(r"(?P<host>\[[^\[\]]+\]|[^\[\]:]+)(:(?P<port>[^:]*))?", re.DOTALL)
# Parameters of Prisma's URLs; the server would refuse them.
_PRISMA = frozenset(
    {"schema", "connection_limit", "pool_timeout", "socket_timeout", "connect_timeout", "pgbouncer", "sslaccept"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of the database; *dsn* holds the password and is never shown."""

    dialect: str
    dsn: str = field(repr=False)
    search_path: str | None = None
    is_pooled: bool = False
    """A pooler assigns each transaction another server connection, so no session state may outlive a transaction."""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Parse *url*; raises SettingsError, whose text does not contain the URL."""
        scheme, separator, rest = url.partition("://")
        if scheme == SQLITE and separator and rest.startswith("/"):
            path = unquote(rest[1:].partition("?")[0])
            if not path:
                raise SettingsError([f"{VARIABLE} names no file; write sqlite:///path or sqlite:////absolute/path"])
            return cls(dialect=SQLITE, dsn=path)
        if scheme in {POSTGRESQL, "postgres"} and separator:
            return cls._postgresql(url)
        raise SettingsError([f"{VARIABLE} must begin with postgresql:// or sqlite:///"])

    @classmethod
    def _postgresql(cls, url: str) -> "Address":
        try:
            parts = urlsplit(url)
            query = parse_qsl(parts.query, keep_blank_values=True)
            for hosts in (parts.netloc.rpartition("@")[2], *(value for key, value in query if key == "host")):
                _check_hosts(hosts)
            for ports in (value for key, value in query if key == "port"):
                _check_ports(ports.split(","))
        except ValueError as error:
            raise SettingsError([f"{VARIABLE} is not a URL; check the hosts, the brackets and the port"]) from error
        if parts.path.startswith("//"):
            raise SettingsError([f"{VARIABLE} is not a URL; two slashes come before the host, and one after it"])
        if parts.netloc.count("@") > 1:
            raise SettingsError([f"{VARIABLE} has more than one @; write %40 for an @ in the user's name or password"])
        if not parts.path.strip("/") and not any(key in {"dbname", "database"} for key, _ in query):
            raise SettingsError([f"{VARIABLE} names no database; end it with /name"])
        prisma = {key: value for key, value in query if key in _PRISMA}
        kept = urlencode([(key, value) for key, value in query if key not in _PRISMA])
        return cls(
            dialect=POSTGRESQL,
            dsn=parts._replace(scheme=POSTGRESQL, query=kept).geturl(),
            search_path=prisma.get("schema"),
            is_pooled=prisma.get("pgbouncer") == "true",
        )

    def is_missing(self) -> bool:
        """Return whether this is a file that does not exist; connecting would create an empty one."""
        return self.dialect == SQLITE and not Path(self.dsn).exists()

    def server_settings(self) -> Mapping[str, Any]:
        """Return the settings of each PostgreSQL session."""
        settings = {"application_name": "reconcile"}
        if self.search_path:
            settings["search_path"] = identifier(self.search_path)
        if not self.is_pooled:
            # JIT compilation takes longer than any of our statements. A process that is stopped inside a transaction
            # must not keep its locks beyond its lease.
            # A row that is locked by another, stuck transaction must not delay a run for its whole time budget.
            # Shorter than the driver's limit, so that a statement that one row makes slow fails that row only.
            settings |= {"lock_timeout": "5s", "statement_timeout": "15s"}
            settings |= {"jit": "off", "idle_in_transaction_session_timeout": "10s", "TimeZone": "UTC"}
        return settings


def _check_hosts(text: str) -> None:
    """Raise ValueError if *text*, one or more hosts with ports, has a form that the driver does not accept."""
    for each in text.split(",") if text else ():
        if each.startswith("/"):
            continue
        found = _HOST.fullmatch(each)
        if not found:
            raise ValueError("a host is empty or has misplaced brackets or colons")
        unquote(found["host"]).encode("ascii" if each.startswith("[") else "idna")
        _check_ports([unquote(found["port"])] if found["port"] else [])


def _check_ports(ports: Iterable[str]) -> None:
    """Raise ValueError if one of *ports* is not a port number."""
    if not all(0 <= int(port) <= _LAST_PORT for port in ports):
        raise ValueError("a port is out of range")
