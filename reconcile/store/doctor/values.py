"""Which rows of the customer's hold values that cannot be read: each fails its own lead or workspace in every run."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, RowMapping, String, cast, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncResult

from reconcile.store.db.types import POSTGRESQL, SQLITE
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.fields import INSTANTS, DomainTable
from reconcile.store.mapping.mapping import MappedTable
from reconcile.store.mapping.readable import readable, spelled_out

_SHOWN = 5
_LOOKED_AT = 10_000
_REMEDY = "correct the value: until then its lead or workspace fails in every run"
_NO_ASCII = "^(..)*[89a-f]"


async def unreadable_values(connection: AsyncConnection, domain: DomainTables) -> Sequence[str]:
    """Return a sentence for each row that cannot be read, at most a few for each table."""
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
    statement = select(*(field.read.label(name) for name, field in table.fields.items()))
    is_sqlite = connection.dialect.name == SQLITE
    if not is_sqlite:
        suspects = [_is_suspect(name, table[name].column) for name in table.fields if name in INSTANTS or has_any_bytes]
        if not suspects:
            return []
        statement = statement.where(or_(*suspects)).limit(_LOOKED_AT)
    found: list[str] = []
    rows = await connection.stream(statement) if is_sqlite else await connection.execute(statement)
    async for row in _each(rows):
        _, fault = readable(row, mapped, beside=mapped.name)
        if fault:
            place = f"in the row {mapped.columns[key]} = {spelled_out(row[key])}"
            found.append(f"{fault.replace('; ', ', ')} {place}; {_REMEDY}")
        if len(found) == _SHOWN:
            break
    return found


async def _each(rows: CursorResult[Any] | AsyncResult[Any]) -> AsyncIterator[RowMapping]:
    if isinstance(rows, AsyncResult):
        async for row in rows.mappings():
            yield row
        return
    for row in rows.mappings():
        yield row


def _is_suspect(name: str, column: ColumnElement[object]) -> ColumnElement[bool]:
    """Ask in PostgreSQL whether a column may hold what cannot be read."""
    if name in INSTANTS:
        first: ColumnElement[Any] = literal_column("timestamptz '0001-01-02 00:00+00'")
        last: ColumnElement[Any] = literal_column("timestamptz '9999-12-31 00:00+00'")
        return or_(column < first, column > last)
    raw = func.convert_to(cast(column, String), literal_column("'SQL_ASCII'"))
    return func.encode(raw, literal_column("'hex'")).regexp_match(_NO_ASCII)
