"""A migrated PostgreSQL database that one test after the other uses: to delete rows is quicker than to copy files."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import asyncpg

from tests.postgres import Server, in_thread

T = TypeVar("T")

LARGEST_BYTES = 16 << 20
"""A larger database is dropped: what deleted rows leave behind would slow down the tests that follow."""
CATALOGS = (
    *("pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_db_role_setting", "pg_default_acl", "pg_depend"),
    *("pg_description", "pg_enum", "pg_extension", "pg_index", "pg_inherits", "pg_namespace", "pg_policy", "pg_proc"),
    *("pg_publication", "pg_rewrite", "pg_sequence", "pg_statistic_ext", "pg_trigger", "pg_type"),
)
# A changed row of a catalog has a new transaction id. Rewritten in place, without one, are only statistics.
SCHEMA = " UNION ALL ".join(f"SELECT '{name}', count(*), max(xmin::text::bigint) FROM {name}" for name in CATALOGS)  # noqa: S608
SIZE = "SELECT pg_database_size(current_database())"
END_OTHER_SESSIONS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
RESTART_SEQUENCES = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences
WHERE last_value IS NOT NULL
"""


@dataclass(slots=True)
class ReusedDatabase:
    """A copy of *template* for one test at a time; a test that alters its schema is the last one that uses it."""

    server: Server
    template: str
    _url: str | None = None
    _schema: list[tuple[object, ...]] = field(default_factory=list)
    _rows: dict[str, str] = field(default_factory=dict)
    """A digest of the rows that the template has, by table."""

    def lend(self) -> str:
        """Return the URL of a database without rows."""
        if self._url is None:
            self._url = self.server.create_database(template=self.template)
            self._schema, self._rows = _on_connection(self._url, _content)
        return self._url

    def take_back(self) -> None:
        """Delete the rows of a test, or drop the database if its schema has changed or it has grown."""
        if self._url is None:
            return
        try:
            is_empty = _on_connection(self._url, self._empty)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            is_empty = False
        if not is_empty:
            self.drop()

    def drop(self) -> None:
        """Drop the database."""
        if self._url is not None:
            self.server.drop_database(self._url)
        self._url = None

    async def _empty(self, connection: asyncpg.Connection) -> bool:
        """Delete the rows of a test and return True, or return False where that is not enough."""
        await connection.fetch(END_OTHER_SESSIONS)
        schema, rows = await _content(connection, tables=self._rows)
        if (schema, rows) != (self._schema, self._rows) or await connection.fetchval(SIZE) > LARGEST_BYTES:
            return False
        tables = [row[0] for row in await connection.fetch(TABLES) if row[0] not in self._rows]
        # Foreign keys are not checked: what they point to is deleted as well.
        deletions = "".join(f"DELETE FROM {each}; " for each in tables)  # noqa: S608
        await connection.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {deletions} COMMIT")
        await connection.fetch(RESTART_SEQUENCES)
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT pg_stat_reset()")
        return True


async def _content(
    connection: asyncpg.Connection, tables: Iterable[str] | None = None
) -> tuple[list[tuple[object, ...]], dict[str, str]]:
    """Return the schema, and a digest of the rows of each of the *tables*, or else of those that have rows."""
    schema = [tuple(row) for row in await connection.fetch(SCHEMA)]
    if tables is None:
        tables = [row[0] for row in await connection.fetch(TABLES)]
    rows = {
        each: await connection.fetchval(f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {each} AS t")  # noqa: S608
        for each in tables
    }
    return schema, {each: digest for each, digest in rows.items() if digest}


def _on_connection(url: str, use: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    async def connect_and_use() -> T:
        connection = await asyncpg.connect(url)
        try:
            return await use(connection)
        finally:
            await connection.close()

    return in_thread(connect_and_use())
