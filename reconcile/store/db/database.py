"""A connection pool with read and write transactions."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Executable, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.store.db.address import Address
from reconcile.store.db.db_errors import translated
from reconcile.store.db.engines import IS_WRITE, Postgresql, Sqlite
from reconcile.store.db.own_rows import DamagedRowCounter
from reconcile.store.db.read_only import WriteObstacle, file_obstacles, is_read_only, server_obstacles
from reconcile.store.db.types import POSTGRESQL


class Database:
    """A connection pool with read and write transactions."""

    def __init__(self, url: str) -> None:
        self.address = Address.parse(url)
        self._engines = Postgresql(self.address) if self.address.dialect == POSTGRESQL else Sqlite(self.address)
        self.engine = self._engines.engine
        self.dialect = self.address.dialect
        self.damaged = DamagedRowCounter()
        self._has_written = False

    @property
    def is_postgresql(self) -> bool:
        """Whether statements may be PostgreSQL's own."""
        return self.dialect == POSTGRESQL

    @asynccontextmanager
    async def read_connection(self) -> AsyncIterator[AsyncConnection]:
        """Provide a connection for queries; each query sees what was committed when it starts."""
        async with self._read_only_explained():
            with translated():
                async with self.engine.connect() as connection:
                    if self.is_postgresql:
                        # Preparing and executing are two steps; a pooler keeps one session for both only in a
                        # transaction.
                        level = "READ COMMITTED" if self.address.is_pooled else "AUTOCOMMIT"
                        await connection.execution_options(isolation_level=level)
                    yield connection

    @asynccontextmanager
    async def write_connection(self) -> AsyncIterator[AsyncConnection]:
        """Provide a connection in a transaction that is committed at the end, or rolled back by an error."""
        async with self._read_only_explained():
            with translated():
                async with self.engine.connect() as connection:
                    await connection.execution_options(**{IS_WRITE: True})
                    async with connection.begin():
                        yield connection
            self._has_written = True

    @asynccontextmanager
    async def _read_only_explained(self) -> AsyncIterator[None]:
        """Tell a database that accepts no writes by its reason: a fault of the settings, unless it can pass.

        After a first write it was writable a moment ago, as in a failover: that is temporary.
        """
        try:
            yield
        except StoreUnavailable as error:
            if self._has_written or not is_read_only(error):
                raise
            obstacles = file_obstacles(self.address.dsn) if not self.is_postgresql else await self._server_obstacles()
            if not obstacles:
                raise
            if any(each.may_pass for each in obstacles):
                raise StoreUnavailable("; ".join(map(str, obstacles))) from error
            raise SettingsError([str(each) for each in obstacles]) from error

    async def _server_obstacles(self) -> Sequence[WriteObstacle]:
        with translated():
            async with self.engine.connect() as connection:
                return await server_obstacles(connection)

    async def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[RowMapping]:
        """Return all rows of a query."""
        async with self.read_connection() as connection:
            return (await connection.execute(statement, parameters)).mappings().all()

    async def row(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> RowMapping | None:
        """Return the first row of a query; None if there is none."""
        async with self.read_connection() as connection:
            return (await connection.execute(statement, parameters)).mappings().first()

    async def change(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> int:
        """Execute one statement in a transaction of its own and return how many rows it changed."""
        async with self.write_connection() as connection:
            return (await connection.execute(statement, parameters)).rowcount

    async def close(self) -> None:
        """Close the pool."""
        await self._engines.close()
