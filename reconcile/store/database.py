"""One pool of connections: transactions for reading and for writing, and every driver's error in our words."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import Executable, RowMapping
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.store.address import VARIABLE, Address
from reconcile.store.engines import IS_WRITE, Postgresql, Sqlite
from reconcile.store.types import POSTGRESQL

_REFUSED_CLASSES = frozenset({"22", "23"})
_CONFLICTS = frozenset({"40001", "40P01"})
_SETTINGS_CLASSES = frozenset({"28", "3D", "3F", "42"})
_FILE_ERRORS = frozenset({"SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_PERM", "SQLITE_AUTH"})


class StoreConflict(StoreUnavailable):
    """The database ended the transaction for the sake of another one; nothing was written, and it may be repeated."""


class StoreRefused(StoreUnavailable):
    """The database refuses the values themselves: a constraint or a type of the customer's that they do not fit."""


class Database:
    """A pool and its two kinds of transaction."""

    def __init__(self, url: str) -> None:
        self.address = Address.parse(url)
        self._engines = Postgresql(self.address) if self.address.dialect == POSTGRESQL else Sqlite(self.address)
        self.engine = self._engines.engine
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
                await connection.execution_options(**{IS_WRITE: True})
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
        await self._engines.close()


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
    if state in _CONFLICTS:
        return StoreConflict(f"the database gave way to another transaction: {name} ({state})")
    if state[:2] in _REFUSED_CLASSES or state.startswith("SQLITE_CONSTRAINT"):
        return StoreRefused(f"the database refuses a value: {name} ({state}){where}")
    if state[:2] in _SETTINGS_CLASSES:
        remedy = f"check {VARIABLE}, the mapping and the grants with `reconcile doctor`"
        return SettingsError([f"the database refuses ({state} {name}){where}; {remedy}"])
    if state.partition("_ISDIR")[0] in _FILE_ERRORS:
        return SettingsError([f"the file of {VARIABLE} cannot be used ({cause}); check its path and permissions"])
    if state == "SQLITE_ERROR":
        return SettingsError([f"the database refuses ({cause}); check the mapping with `reconcile doctor`"])
    return StoreUnavailable(f"the database does not answer or refuses for now: {name}{f' ({state})' if state else ''}")


def _place(cause: BaseException | None) -> str:
    """Return which table, column or constraint it was about; these are names, never values."""
    driver = getattr(cause, "__cause__", None)
    names = [getattr(driver, f"{kind}_name", None) for kind in ("table", "column", "constraint")]
    found = [name for name in names if name]
    return f" at {'/'.join(found)}" if found else ""
