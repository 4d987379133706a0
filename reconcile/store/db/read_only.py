"""Why a database accepts no writes at all: a replica, a setting of the server, or a file's permissions."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.store.db.address import VARIABLE
from reconcile.store.db.types import POSTGRESQL

_READ_ONLY_TRANSACTION = "25006"
_READ_ONLY_FILE = "SQLITE_READONLY"
_SERVER = text(
    """
    SELECT pg_is_in_recovery() AS is_replica, s.setting = 'on' AS is_read_only, s.source,
           quote_ident(current_user) AS role, quote_ident(current_database()) AS database
    FROM pg_settings s WHERE s.name = 'default_transaction_read_only'
    """
)
_SETTERS = {
    "user": "ALTER ROLE {role} SET default_transaction_read_only = off",
    "database": "ALTER DATABASE {database} SET default_transaction_read_only = off",
    "database user": "ALTER ROLE {role} IN DATABASE {database} SET default_transaction_read_only = off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteObstacle:
    """Why nothing can be written; *remedy* is what somebody has to do, *may_pass* whether it can end by itself."""

    reason: str
    remedy: str
    may_pass: bool = False

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


def is_read_only(error: BaseException) -> bool:
    """Return whether *error*, translated or not, is the database's refusal of every write."""
    cause = error.__cause__ if not isinstance(error, DBAPIError) else error
    driver = cause.orig if isinstance(cause, DBAPIError) else None
    state = getattr(driver, "sqlstate", None) or getattr(driver, "sqlite_errorname", None) or ""
    return state == _READ_ONLY_TRANSACTION or state.startswith(_READ_ONLY_FILE)


async def server_obstacles(connection: AsyncConnection) -> Sequence[WriteObstacle]:
    """Return why this PostgreSQL server accepts no writes; empty on SQLite."""
    if connection.dialect.name != POSTGRESQL:
        return []
    row = (await connection.execute(_SERVER)).mappings().one()
    found = []
    if row["is_replica"]:
        # After a failover the same address leads to the new primary within a minute.
        reason = "the server is a replica (pg_is_in_recovery()), which accepts no writes"
        found.append(WriteObstacle(reason=reason, remedy=f"name its primary in {VARIABLE}", may_pass=True))
    if row["is_read_only"]:
        setter = _SETTERS.get(row["source"], "ALTER ROLE {role} SET default_transaction_read_only = off")
        reason = f"transactions are read-only (default_transaction_read_only is on for this {row['source']})"
        statement = setter.format(role=row["role"], database=row["database"])
        found.append(WriteObstacle(reason=reason, remedy=f"execute: {statement}"))
    return found


def file_obstacles(path: str) -> Sequence[WriteObstacle]:
    """Return why this user cannot write the SQLite file at *path*: SQLite also creates files beside it."""
    file = Path(path)
    kinds = (("the file", file), ("the directory", file.parent))
    return [
        WriteObstacle(
            reason=f"{kind} {each} of {VARIABLE} is not writable for user {os.geteuid()}",
            remedy="give that user write permission, or name another path",
        )
        for kind, each in kinds
        if each.exists() and not os.access(each, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
    ]
