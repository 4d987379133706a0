"""Every error of driver and pool in our words: which ones may be tried again, and which need a person."""

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
"""Values, constraints, triggers and views with a check; P0 is what a trigger of the customer's own raises."""
_SETTINGS_CLASSES = frozenset({"28", "3D", "3F", "42"})
_DATABASE_STATES = ("08", "25", "40", "53", "57P", "58")
"""Beginnings of the states that no row causes: the connection, a read-only server, resources, a shutdown, I/O."""
_FILE_ERRORS = ("SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_PERM", "SQLITE_AUTH")
_ROW_ERRORS = ("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG", "SQLITE_RANGE")
_TRIGGER_FUNCTION = re.compile(r'function ((?:"[^"]{1,63}"|\w{1,63})(?:\.(?:"[^"]{1,63}"|\w{1,63}))?)\(')
_POLICY = re.compile(r'row-level security policy (?:"([^"]{1,63})" )?for table "([^"]{1,63})"')
_SQLITE_CONSTRAINT = re.compile(r"(UNIQUE|NOT NULL|CHECK) constraint failed: ([\w., ]{1,200})")


class StoreConflict(StoreUnavailable):
    """The database ended the transaction for the sake of another one; nothing was written, and it may be repeated."""


class StoreBusy(StoreUnavailable):
    """Somebody holds rows that we want to write for longer than we wait; the others can be written."""


class StoreRefused(StoreUnavailable):
    """The database refuses what is to be written: a constraint, a type or a trigger of the customer's, or a policy.

    A single row can cause each of them, so that other rows may be written.
    """


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
        raise StoreUnavailable(f"the database does not respond ({type(error).__name__})") from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"the database connection failed ({type(error).__name__})") from error


def _in_our_words(error: DBAPIError) -> Exception:
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
    """Return why the database refused one row: by the state and names of its schema, never by a value."""
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
    """Return what a person has to put right, or None where trying again may help."""
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
    """Return which table, column, constraint, trigger or policy it was about; these are names, never values."""
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
