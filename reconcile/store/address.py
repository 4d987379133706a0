"""The database's URL, taken apart: which database, and what its driver has to be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from reconcile.errors import SettingsError
from reconcile.store.types import POSTGRESQL, SQLITE

VARIABLE = "RECONCILE_DATABASE_URL"

# Prisma puts these into its URLs; the server would refuse them as settings of its own.
_PRISMA = frozenset(
    {"schema", "connection_limit", "pool_timeout", "socket_timeout", "connect_timeout", "pgbouncer", "sslaccept"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the database is; *dsn* holds the password and is never shown."""

    dialect: str
    dsn: str = field(repr=False)
    search_path: str | None = None
    is_pooled: bool = False
    """A pooler stands in front that hands each transaction another server connection: nothing may outlive one."""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Return what *url* names, or raise SettingsError that does not repeat it."""
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
            # Several hosts, each with a port of its own, are the driver's to read.
            _ = parts.port if "," not in parts.netloc else None
        except ValueError as error:
            raise SettingsError([f"{VARIABLE} is not a URL; check the brackets and the port"]) from error
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
        """Tell whether this is a file that is not there; connecting would make an empty one."""
        return self.dialect == SQLITE and not Path(self.dsn).exists()

    def server_settings(self) -> Mapping[str, Any]:
        """Return what PostgreSQL is asked for at the start of each session."""
        settings = {"application_name": "reconcile"}
        if self.search_path:
            settings["search_path"] = '"' + self.search_path.replace('"', '""') + '"'
        if not self.is_pooled:
            # Compiling costs more than any of our statements; and a process that was stopped inside a transaction must
            # not keep its locks beyond its lease.
            # Nor must a row that somebody else's stuck transaction holds keep a run waiting for its whole time.
            settings |= {"lock_timeout": "5s"}
            settings |= {"jit": "off", "idle_in_transaction_session_timeout": "10s", "TimeZone": "UTC"}
        return settings
