"""How the engines of the two databases are made: drivers, pool, time limits, and what each session begins with."""

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
"""Seconds; longer than any of our statements, shorter than a run."""
_read_text = partial(str, encoding="utf-8", errors="surrogateescape")
"""What is no UTF-8 becomes lone surrogates, by which its row is told."""
BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another one on SQLite."""


class Sqlite:
    """Makes SQLite's engine, and sees its worker threads to their end."""

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
        """Close the pool and wait for its threads: one that outlived the event loop would complain on stderr."""
        await self.engine.dispose()
        for worker in self._workers:
            if worker.ident is not None:
                await asyncio.to_thread(worker.join, 1.0)


class Postgresql:
    """Makes PostgreSQL's engine."""

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
    """Let readers and a writer not wait for each other; it is the file's mode, so one connection's word is enough."""
    import sqlite3  # noqa: PLC0415 - only where it is spoken

    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # SQLite does not wait for others here: whoever has the file locked is making it so at this moment.
        if error.sqlite_errorname != "SQLITE_BUSY":
            raise


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and then writes would fail at once when another writer came in between.
    is_write = connection.get_execution_options().get(IS_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


async def _read_leniently(connection: Any) -> None:  # noqa: ANN401 - of a driver without types
    """Let no value of one row end the reading of all: instants that Python lacks, and bytes that are no UTF-8."""
    for name, zone in (("timestamptz", UTC), ("timestamp", None)):
        encode, decode = instant_codec(zone)
        await connection.set_type_codec(name, schema="pg_catalog", encoder=encode, decoder=decode, format="tuple")
    if connection.get_settings().server_encoding == "SQL_ASCII":
        # Else the server checks what it sends, and refuses all rows for the sake of one.
        await connection.execute("SET client_encoding TO 'SQL_ASCII'")
        for name in ("text", "varchar", "bpchar"):
            await connection.set_type_codec(
                name, schema="pg_catalog", encoder=str.encode, decoder=_read_text, format="binary"
            )


def _postgresql(address: Address) -> AsyncEngine:
    # Imported where it is needed: a run on SQLite does not pay for the driver.
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
