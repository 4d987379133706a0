"""One pool of connections: transactions for reading and for writing, and every driver's error in our words."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

from sqlalchemy import Executable, RowMapping, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.store.address import VARIABLE, Address
from reconcile.store.types import POSTGRESQL, document

POOL_SIZE = 5
CONNECT_TIMEOUT = 5.0
STATEMENT_TIMEOUT = 20.0
"""Seconds; longer than any of our statements, shorter than a run."""
BUSY_TIMEOUT = 10_000
"""Milliseconds that a writer waits for another one on SQLite."""

_IS_WRITE = "reconcile_is_write"
_REFUSED_CLASSES = frozenset({"22", "23"})
_SETTINGS_CLASSES = frozenset({"28", "3D", "3F", "42"})


class StoreRefused(StoreUnavailable):
    """The database refuses the values themselves: a constraint or a type of the customer's that they do not fit."""


class Database:
    """A pool and its two kinds of transaction."""

    def __init__(self, url: str) -> None:
        self.address = Address.parse(url)
        self.engine = _engine(self.address)
        self.dialect = self.address.dialect

    @property
    def is_postgresql(self) -> bool:
        """Whether statements may be PostgreSQL's own."""
        return self.dialect == POSTGRESQL

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for questions; each sees what was committed when it is asked."""
        with translated():
            async with self.engine.connect() as connection:
                if self.is_postgresql:
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection in a transaction that is committed at the end, or rolled back by an error."""
        with translated():
            async with self.engine.connect() as connection:
                await connection.execution_options(**{_IS_WRITE: True})
                async with connection.begin():
                    yield connection

    async def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[RowMapping]:
        """Return all rows of a question."""
        async with self.reading() as connection:
            return (await connection.execute(statement, parameters)).mappings().all()

    async def row(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> RowMapping | None:
        """Return the first row of a question."""
        async with self.reading() as connection:
            return (await connection.execute(statement, parameters)).mappings().first()

    async def change(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> int:
        """Execute one statement in a transaction of its own and return how many rows it changed."""
        async with self.writing() as connection:
            return (await connection.execute(statement, parameters)).rowcount

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Turn every error of driver and pool into one of ours; no message holds a value, a statement or the URL."""
    try:
        yield
    except DBAPIError as error:
        raise _in_our_words(error) from error
    except PoolTimeout as error:
        raise StoreUnavailable("all connections to the database are busy") from error
    except (OSError, TimeoutError) as error:
        raise StoreUnavailable(f"the database does not answer ({type(error).__name__})") from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"the database connection failed ({type(error).__name__})") from error


def _in_our_words(error: DBAPIError) -> Exception:
    cause = error.orig
    state = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""
    name = type(cause.__cause__ or cause).__name__ if cause else type(error).__name__
    where = _place(cause)
    if state[:2] in _REFUSED_CLASSES or state.startswith("SQLITE_CONSTRAINT"):
        return StoreRefused(f"the database refuses a value: {name} ({state}){where}")
    if state[:2] in _SETTINGS_CLASSES:
        remedy = f"check {VARIABLE}, the mapping and the grants with `reconcile doctor`"
        return SettingsError([f"the database refuses ({state} {name}){where}; {remedy}"])
    if state == "SQLITE_ERROR":
        return SettingsError([f"the database refuses ({cause}); check the mapping with `reconcile doctor`"])
    return StoreUnavailable(f"the database does not answer or refuses for now: {name}{f' ({state})' if state else ''}")


def _place(cause: BaseException | None) -> str:
    """Return which table, column or constraint it was about; these are names, never values."""
    driver = getattr(cause, "__cause__", None)
    names = [getattr(driver, f"{kind}_name", None) for kind in ("table", "column", "constraint")]
    found = [name for name in names if name]
    return f" at {'/'.join(found)}" if found else ""


def _engine(address: Address) -> AsyncEngine:
    if address.dialect == POSTGRESQL:
        return _postgresql(address)
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{address.dsn}",
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT / 1000},
        pool_size=POOL_SIZE,
        max_overflow=0,
        hide_parameters=True,
        json_serializer=document,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, record: object) -> None:
    del record
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and then writes would fail at once when another writer came in between.
    is_write = connection.get_execution_options().get(_IS_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


def _postgresql(address: Address) -> AsyncEngine:
    # Imported where it is needed: a run on SQLite does not pay for the driver.
    import asyncpg  # noqa: PLC0415

    async def connect(**arguments: object) -> object:
        return await asyncpg.connect(address.dsn, **arguments)

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
    )
