"""Translates errors of driver and pool into errors of ``reconcile.errors``: temporary ones, and those of settings."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.store.db.address import VARIABLE

_STATE_LENGTH = 5
_CONFLICTS = frozenset({"40001", "40P01"})
_LOCKED = "55P03"
_VALUE_CLASSES = frozenset({"09", "22", "23", "27", "44", "P0"})
"""SQLSTATE classes of values, constraints, triggers and views with a check option; P0 is raised by PL/pgSQL."""
_SETTINGS_CLASSES = frozenset({"28", "3D", "3F", "42"})
_DATABASE_STATES = ("08", "25", "40", "53", "57P", "58")
"""Prefixes of SQLSTATEs that no row causes: connection, read-only server, resources, shutdown, I/O."""
_FILE_ERRORS = ("SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_PERM", "SQLITE_AUTH")
_ROW_ERRORS = ("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG", "SQLITE_RANGE")
_TRIGGER_FUNCTION = re.compile(r'function ((?:"[^"]{1,63}"|\w{1,63})(?:\.(?:"[^"]{1,63}"|\w{1,63}))?)\(')
_POLICY = re.compile(r'row-level security policy (?:"([^"]{1,63})" )?for table "([^"]{1,63})"')
_SQLITE_CONSTRAINT = re.compile(r"(UNIQUE|NOT NULL|CHECK) constraint failed: ((?:index )?[\w., ']{1,200})")


class StoreConflict(StoreUnavailable):
    """The database rolled the transaction back in favor of a concurrent one; it may be repeated."""


class StoreBusy(StoreUnavailable):
    """Another transaction has locked rows for longer than the lock timeout; other rows can be written."""


class StoreRefused(StoreUnavailable):
    """The database refuses a write because of a constraint, type, trigger or policy of the customer's.

    A single row can cause it, so other rows may be written.
    """


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of driver and pool as ReconcileError; no message holds a value, a statement or the URL."""
    try:
        yield
    except DBAPIError as error:
        raise _own_error(error) from error
    except PoolTimeout as error:
        raise StoreUnavailable("all connections to the database are busy") from error
    except (OSError, TimeoutError) as error:
        raise StoreUnavailable(f"the database does not respond ({type(error).__name__})") from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"the database connection failed ({type(error).__name__})") from error


def _own_error(error: DBAPIError) -> Exception:
    cause = error.orig
    state = _state(cause)
    name = type(cause.__cause__ or cause).__name__ if cause else type(error).__name__
    if fault := _fault(cause, name, state):
        return SettingsError([fault])
    if state in _CONFLICTS:
        return StoreConflict(f"the transaction lost to a concurrent one: {name} ({state})")
    if state == _LOCKED:
        return StoreBusy(f"another transaction has locked the rows: {name} ({state})")
    if _is_value(state):
        return StoreRefused(f"the database refuses a value: {name} ({state}){_named_object(cause)}")
    text = f"the database is temporarily unavailable: {name}{f' ({state})' if state else ''}"
    is_row = len(state) == _STATE_LENGTH and not state.startswith(_DATABASE_STATES)
    return StoreRefused(f"{text}{_named_object(cause)}") if is_row else StoreUnavailable(text)


def refusal(error: StoreRefused | SettingsError) -> str:
    """Return why the database refused one row: its SQLSTATE and names of its schema, never a value."""
    driver = error.__cause__
    cause = driver.orig if isinstance(driver, DBAPIError) else None
    if cause is None or (isinstance(error, StoreRefused) and _is_value(_state(cause))):
        return str(error)
    name = type(cause.__cause__ or cause).__name__
    return f"the database refuses a write: {name} ({_state(cause)}){_named_object(cause)}"


def _state(cause: BaseException | None) -> str:
    return getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""


def _is_value(state: str) -> bool:
    return state[:2] in _VALUE_CLASSES or state.startswith(_ROW_ERRORS)


def _fault(cause: BaseException | None, name: str, state: str) -> str | None:
    """Return the fault with its remedy; None if a retry may succeed."""
    if name == "ClientConfigurationError":
        return f"{VARIABLE} has a parameter that the driver does not accept; check the part after the ?"
    if state[:2] in _SETTINGS_CLASSES:
        remedy = f"check {VARIABLE}, the mapping and the grants with `reconcile doctor`"
        return f"the database refuses ({state} {name}){_named_object(cause)}; {remedy}"
    if state.startswith(_FILE_ERRORS):
        return f"the file of {VARIABLE} cannot be used ({cause}); check path and permissions, or restore it"
    if state == "SQLITE_ERROR":
        return f"the database refuses ({cause}); check the mapping with `reconcile doctor`"
    return None


def _named_object(cause: BaseException | None) -> str:
    """Return the names of the table, column, constraint, trigger or policy in the error; never values."""
    driver = getattr(cause, "__cause__", None)
    names = [getattr(driver, f"{kind}_name", None) for kind in ("table", "column", "constraint")]
    found = [name for name in names if name]
    text = str(driver or cause)
    if policy := _POLICY.search(text):
        found = [name for name in (policy[2], policy[1]) if name]
    elif not found and (function := _TRIGGER_FUNCTION.search(getattr(driver, "context", None) or "")):
        found = [function[1]]
    elif not found and (constraint := _SQLITE_CONSTRAINT.search(text)):
        found = [constraint[2]]
    return f" at {'/'.join(found)}" if found else ""
