"""Which error of ours each error of a driver becomes: that decides whether a run tries again."""

import pytest
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from reconcile.errors import ReconcileError, SettingsError, StoreUnavailable
from reconcile.store.db.db_errors import StoreBusy, StoreConflict, StoreRefused, refusal, translated


class DriverError(Exception):
    """What a driver raises: asyncpg names state, table, column and constraint, sqlite3 an error name."""

    def __init__(self, **attributes: str) -> None:
        super().__init__("the value hunter2")
        for name, value in attributes.items():
            setattr(self, name, value)


class ClientConfigurationError(DriverError):
    """What asyncpg raises where the URL has a parameter that it does not know."""


def wrapped(error: Exception, cause: Exception | None = None) -> DBAPIError:
    """Return *error* as SQLAlchemy raises it; *cause* is what asyncpg itself raised."""
    error.__cause__ = cause
    return DBAPIError("SELECT 'hunter2'", {}, error)


def translation(error: Exception) -> ReconcileError:
    """Return what *error* becomes."""
    with pytest.raises((StoreUnavailable, SettingsError)) as caught, translated():
        raise error
    assert caught.value.__cause__ is error
    return caught.value


STATES = {
    StoreConflict: ("40001", "40P01"),
    StoreBusy: ("55P03",),
    StoreRefused: (
        *("09000", "22001", "23505", "27000", "44000", "P0001"),
        *("0A000", "45000", "55000", "55006", "57014", "AP001", "XX000"),
    ),
    SettingsError: ("28P01", "3D000", "3F000", "42P01"),
    StoreUnavailable: ("08006", "25006", "40002", "53300", "57P01", "58030"),
}


@pytest.mark.parametrize(("kind", "state"), [(kind, state) for kind, states in STATES.items() for state in states])
def test_the_sqlstate_of_postgresql_decides_the_kind_of_error(kind: type[Exception], state: str) -> None:
    found = translation(wrapped(DriverError(sqlstate=state)))

    assert type(found) is kind
    assert state in str(found)
    assert "hunter2" not in str(found)


NAMES = {
    StoreRefused: ("SQLITE_CONSTRAINT", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_MISMATCH", "SQLITE_TOOBIG"),
    SettingsError: (
        *("SQLITE_CANTOPEN", "SQLITE_CANTOPEN_ISDIR", "SQLITE_NOTADB", "SQLITE_CORRUPT"),
        *("SQLITE_PERM", "SQLITE_AUTH", "SQLITE_ERROR"),
    ),
    StoreUnavailable: ("SQLITE_BUSY", "SQLITE_ERROR_SNAPSHOT", "SQLITE_FULL", ""),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_the_error_name_of_sqlite_decides_the_kind_of_error(kind: type[Exception], name: str) -> None:
    assert type(translation(wrapped(DriverError(sqlite_errorname=name)))) is kind


@pytest.mark.parametrize(
    ("names", "place"),
    [
        ({}, ""),
        ({"table_name": "lead"}, " at lead"),
        ({"table_name": "lead", "column_name": "email", "constraint_name": "ck"}, " at lead/email/ck"),
    ],
)
@pytest.mark.parametrize("state", ["23505", "42501"])
def test_an_error_names_the_table_the_column_and_the_constraint(state: str, names: dict[str, str], place: str) -> None:
    text = str(translation(wrapped(DriverError(sqlstate=state), DriverError(**names))))

    assert f"DriverError{')' if state == '42501' else f' ({state})'}{place}" in f"{text};"


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (
            wrapped(DriverError(), ClientConfigurationError()),
            SettingsError,
            "RECONCILE_DATABASE_URL has a parameter that the driver does not accept; check the part after the ?",
        ),
        (
            wrapped(DriverError(sqlstate="57P01")),
            StoreUnavailable,
            "the database is temporarily unavailable: DriverError (57P01)",
        ),
        (
            wrapped(DriverError()),
            StoreUnavailable,
            "the database is temporarily unavailable: DriverError",
        ),
        (PoolTimeout(), StoreUnavailable, "all connections to the database are busy"),
        (ConnectionRefusedError(), StoreUnavailable, "the database does not respond (ConnectionRefusedError)"),
        (TimeoutError(), StoreUnavailable, "the database does not respond (TimeoutError)"),
        (ArgumentError(), StoreUnavailable, "the database connection failed (ArgumentError)"),
    ],
)
def test_an_error_says_what_happened(error: Exception, kind: type[Exception], sentence: str) -> None:
    found = translation(error)

    assert type(found) is kind
    assert str(found) == sentence


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DriverError(sqlstate="AP001"), "the database refuses a write: DriverError (AP001)"),
        (DriverError(sqlstate="23505"), "the database refuses a value: DriverError (23505)"),
        (DriverError(sqlstate="42501"), "the database refuses a write: DriverError (42501)"),
        (DriverError(sqlite_errorname="SQLITE_ERROR"), "the database refuses a write: DriverError (SQLITE_ERROR)"),
    ],
)
def test_a_refusal_is_reported_by_its_sqlstate_and_never_by_a_value(error: DriverError, reason: str) -> None:
    found = translation(wrapped(error))
    assert isinstance(found, StoreRefused | SettingsError)

    assert refusal(found) == reason


@pytest.mark.parametrize(
    ("text", "context", "place"),
    [
        ("hunter2", "PL/pgSQL function app.refuse() line 1 at RAISE", "app.refuse"),
        ("hunter2", 'SQL statement "hunter2"\nPL/pgSQL function "a b".refuse(text) line 1', '"a b".refuse'),
        ('new row violates row-level security policy for table "lead"', "", "lead"),
        ('new row violates row-level security policy "ours" for table "lead"', "", "lead/ours"),
        ("UNIQUE constraint failed: lead.contact_id", "", "lead.contact_id"),
    ],
)
def test_a_refusal_names_the_trigger_the_policy_or_the_columns(text: str, context: str, place: str) -> None:
    class Named(Exception):
        pass

    cause = Named(text)
    cause.context = context  # type: ignore[attr-defined]
    found = translation(wrapped(DriverError(sqlstate="23000"), cause))
    assert isinstance(found, StoreRefused)

    assert refusal(found).endswith(f" at {place}")
    assert "hunter2" not in refusal(found)


def test_our_own_bug_is_not_translated_into_a_database_error() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError("x")
