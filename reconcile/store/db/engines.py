"""Creates the engines of both databases: driver, pool, time limits, session settings."""

import asyncio
from datetime import UTC
from functools import partial
from threading import Thread
from typing import Any
from uuid import uuid4

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from reconcile.store.db.address import Address
from reconcile.store.db.types import document, instant_codec, read_document

IS_WRITE = "reconcile_is_write"
"""The execution option of a connection whose transaction will write."""

POOL_SIZE = 5
CONNECT_TIMEOUT = 5.0
STATEMENT_TIMEOUT = 20.0
"""In seconds; longer than any of our statements, shorter than a run."""
_read_text = partial(str, encoding="utf-8", errors="surrogateescape")
"""Bytes that are not UTF-8 become lone surrogates, by which the unreadable row is detected."""
BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another one on SQLite."""


class Sqlite:
    """Creates SQLite's engine, and waits for its worker threads at the end."""

    def __init__(self, address: Address) -> None:
        self._path = address.dsn
        self._workers: list[Thread] = []
        self.engine = create_async_engine(
            "sqlite+aiosqlite://",
            connect_args={"async_creator_fn": self._connect},
            poolclass=AsyncAdaptedQueuePool,
            pool_size=POOL_SIZE,
            max_overflow=0,
            hide_parameters=True,
            json_serializer=document,
            json_deserializer=read_document,
        )
        event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(self.engine.sync_engine, "begin", _begin_sqlite)

    async def _connect(self, *_: object, **__: object) -> object:
        import aiosqlite  # noqa: PLC0415 - only where it is spoken

        connection = aiosqlite.connect(self._path, isolation_level=None, timeout=BUSY_TIMEOUT, check_same_thread=False)
        worker: Thread = connection._thread  # noqa: SLF001 - there is no other way to wait for it
        worker.daemon = True
        self._workers.append(worker)
        opened = await connection
        opened.text_factory = _read_text
        return opened

    async def close(self) -> None:
        """Close the pool and wait for its threads; a thread that outlives the event loop prints an error."""
        await self.engine.dispose()
        for worker in self._workers:
            if worker.ident is not None:
                await asyncio.to_thread(worker.join, 1.0)


class Postgresql:
    """Creates PostgreSQL's engine."""

    def __init__(self, address: Address) -> None:
        self.engine = _postgresql(address)

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()


def _prepare_sqlite(connection: DBAPIConnection, record: object) -> None:
    del record
    cursor = connection.cursor()
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _write_ahead(cursor: DBAPICursor) -> None:
    """Set WAL mode, so that readers and a writer do not wait for each other. The mode is stored in the file."""
    import sqlite3  # noqa: PLC0415 - only where it is spoken

    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # This statement does not wait for a lock: a connection that has locked the file is setting the same mode.
        if error.sqlite_errorname != "SQLITE_BUSY":
            raise


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and then writes would fail at once if another writer committed in between.
    is_write = connection.get_execution_options().get(IS_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


async def _read_leniently(connection: Any) -> None:  # noqa: ANN401 - of a driver without types
    """Keep one row's instants out of Python's range, or bytes that are not UTF-8, from failing a whole query."""
    for name, zone in (("timestamptz", UTC), ("timestamp", None)):
        encode, decode = instant_codec(zone)
        await connection.set_type_codec(name, schema="pg_catalog", encoder=encode, decoder=decode, format="tuple")
    if connection.get_settings().server_encoding == "SQL_ASCII":
        # Otherwise the server validates the encoding, and refuses all rows because of one.
        await connection.execute("SET client_encoding TO 'SQL_ASCII'")
        for name in ("text", "varchar", "bpchar"):
            await connection.set_type_codec(
                name, schema="pg_catalog", encoder=str.encode, decoder=_read_text, format="binary"
            )


def _postgresql(address: Address) -> AsyncEngine:
    # Imported here, so that a run on SQLite does not load the driver.
    import asyncpg  # noqa: PLC0415

    async def connect(**arguments: object) -> object:
        connection = await asyncpg.connect(address.dsn, **arguments)
        await _read_leniently(connection)
        return connection

    pooled: dict[str, Any] = {}
    if address.is_pooled:
        pooled = {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"reconcile_{uuid4().hex}",
        }
    return create_async_engine(
        "postgresql+asyncpg://",
        connect_args={
            "async_creator_fn": connect,
            "timeout": CONNECT_TIMEOUT,
            "command_timeout": STATEMENT_TIMEOUT,
            "server_settings": dict(address.server_settings()),
            **pooled,
        },
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=STATEMENT_TIMEOUT,
        hide_parameters=True,
        json_serializer=document,
        json_deserializer=read_document,
    )
