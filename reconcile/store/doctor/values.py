"""Finds rows of the customer's tables with unreadable values; each fails its lead or workspace in every run."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    RowMapping,
    String,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncResult

from reconcile.store.db.types import POSTGRESQL, SQLITE
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.fields import DomainTable, Field
from reconcile.store.mapping.mapping import MappedTable
from reconcile.store.mapping.readable import NO_KEY, readable, value_fault
from reconcile.store.mapping.sources import INSTANTS

_SHOWN = 5
_LOOKED_AT = 10_000
_REMEDY = "correct the value: until then its lead or workspace fails in every run"
_ADDRESS = "row's address"
_ROWID: ColumnElement[Any] = literal_column("rowid")
_WITH_CTID = frozenset({"r", "p", "m"})
"""Values of ``pg_class.relkind``: tables, partitioned tables, materialized views."""
_NO_ASCII = "^(..)*[89a-f]"


async def unreadable_values(connection: AsyncConnection, domain: DomainTables) -> Sequence[str]:
    """Return a sentence for each unreadable row, at most a few for each table."""
    mapping, found = domain.mapping, list[str]()
    encoding = ""
    if connection.dialect.name == POSTGRESQL:
        encoding = (
            await connection.execute(select(func.current_setting("server_encoding", type_=String)))
        ).scalar_one()
    for mapped, table in (
        (mapping.workspace, domain.workspace),
        (mapping.lead, domain.lead),
        (mapping.appointment, domain.appointment),
    ):
        if mapped is not None and table is not None:
            found += await _of(connection, mapped, table, has_any_bytes=encoding == "SQL_ASCII")
    return found


async def _of(
    connection: AsyncConnection, mapped: MappedTable, table: DomainTable, *, has_any_bytes: bool
) -> Sequence[str]:
    key = "id" if "id" in table else "appointment_id"
    address = await _address(connection, table)
    columns = [field.read.label(name) for name, field in table.fields.items()]
    statement = select(*columns, (null() if address is None else address).label(_ADDRESS))
    is_sqlite = connection.dialect.name == SQLITE
    if not is_sqlite:
        suspects = [
            _is_suspect(name, _stored(table[name])) for name in table.fields if name in INSTANTS or has_any_bytes
        ]
        if not suspects:
            return []
        statement = statement.where(or_(*suspects)).limit(_LOOKED_AT)
    found: list[str] = []
    rows = await connection.stream(statement) if is_sqlite else await connection.execute(statement)
    number = 0
    async for row in _each(rows):
        number += 1
        _, fault = readable({name: row[name] for name in table.fields}, mapped, beside=mapped.name)
        is_named = table[key].is_key(row[key])
        if not is_named and value_fault(key, row[key]) is None:
            fault = "; ".join(filter(None, [fault, f"{mapped}.{mapped.column_names(key)} {NO_KEY}"]))
        if fault:
            own = f"in the row {mapped.column_names(key)} = {row[key]}"
            place = own if is_named else _row_reference(row[_ADDRESS], number)
            found.append(f"{fault.replace('; ', ', ')} {place}; {_REMEDY}")
        if len(found) == _SHOWN:
            break
    return found


def _row_reference(address: object, number: int) -> str:
    """Return the row's address in the database, because its key cannot be printed; else its number in the table."""
    if address is None:
        return f"in row {number} of a full scan"
    return f"in the row ctid = {address}" if str(address).startswith("(") else f"in the row rowid = {address}"


async def _address(connection: AsyncConnection, table: DomainTable) -> ColumnElement[Any] | None:
    """Return the column with a row's address (ctid, rowid); None for views, and where this column is not granted."""
    if connection.dialect.name == SQLITE:
        try:
            await connection.execute(select(_ROWID).select_from(table.table).limit(0))
        except DBAPIError:
            return None
        return _ROWID
    name = connection.dialect.identifier_preparer.format_table(table.table)
    kind = select(literal_column("relkind::text", String)).select_from(text("pg_class"))
    is_its = text("oid = to_regclass(:name) AND has_table_privilege(oid, 'SELECT')")
    found = await connection.execute(kind.where(is_its), {"name": name})
    return cast(literal_column("ctid"), String) if found.scalar() in _WITH_CTID else None


async def _each(rows: CursorResult[Any] | AsyncResult[Any]) -> AsyncIterator[RowMapping]:
    if isinstance(rows, AsyncResult):
        async for row in rows.mappings():
            yield row
        return
    for row in rows.mappings():
        yield row


def _stored(field: Field) -> ColumnElement[Any]:
    """Return the column itself, or the instant that it stands for if its own type is no instant."""
    return field.column if field.is_ordered else field.read


def _is_suspect(name: str, column: ColumnElement[object]) -> ColumnElement[bool]:
    """Return the PostgreSQL condition that a column may have an unreadable value."""
    if name in INSTANTS:
        first: ColumnElement[Any] = literal_column("timestamptz '0001-01-02 00:00+00'")
        last: ColumnElement[Any] = literal_column("timestamptz '9999-12-31 00:00+00'")
        return or_(column < first, column > last)
    raw = func.convert_to(cast(column, String), literal_column("'SQL_ASCII'"))
    return func.encode(raw, literal_column("'hex'")).regexp_match(_NO_ASCII)
