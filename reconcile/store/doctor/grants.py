"""Privileges that our PostgreSQL role lacks, each with the statement that grants it."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.store.db.types import POSTGRESQL, TEXT, document
from reconcile.store.mapping.domain_tables import APPOINTMENT_FACTS, LEAD_FACTS
from reconcile.store.mapping.mapping import MappedTable, SchemaMapping
from reconcile.store.schema import tables

_MISSING = text(
    """
    SELECT needed.privilege, coalesce(quote_ident(needed.schema) || '.', '') || quote_ident(needed.name) AS place,
           quote_ident(needed.column) AS place_column, quote_ident(current_user) AS role
    FROM json_to_recordset(CAST(:needed AS json)) AS needed(privilege text, schema text, name text, "column" text)
    CROSS JOIN LATERAL (
        SELECT to_regclass(coalesce(quote_ident(needed.schema) || '.', '') || quote_ident(needed.name)) AS found
    ) AS its
    WHERE its.found IS NOT NULL AND NOT CASE
        WHEN needed.column IS NULL THEN has_table_privilege(its.found, needed.privilege)
        ELSE has_column_privilege(its.found, needed.column, needed.privilege)
    END
    ORDER BY place, needed.privilege, place_column
    """
).bindparams(bindparam("needed", type_=TEXT))

Need = dict[str, str | None]


async def missing_grants(connection: AsyncConnection, mapping: SchemaMapping, *, with_ours: bool) -> Sequence[str]:
    """Return a sentence for each missing privilege; empty on SQLite."""
    if connection.dialect.name != POSTGRESQL:
        return []
    needed = list(_of_customer(mapping))
    if with_ours:
        for table in tables.metadata.tables.values():
            needed += [_need(privilege, None, table.name) for privilege in ("SELECT", "INSERT", "UPDATE")]
    rows = (await connection.execute(_MISSING, {"needed": document(needed)})).mappings()
    sentences = []
    for row in rows:
        what = f"{row['privilege']} ({row['place_column']})" if row["place_column"] else row["privilege"]
        grant = f"GRANT {what} ON {row['place']} TO {row['role']}"
        sentences.append(f"the role {row['role']} may not {what} on {row['place']}; ask the owner to execute: {grant}")
    return sentences


def _of_customer(mapping: SchemaMapping) -> Iterator[Need]:
    lead, appointment = mapping.lead, mapping.appointment
    for table in (mapping.workspace, lead, appointment):
        for column in _columns(table, table.sources) if table else ():
            yield _need("SELECT", table, column=column)
    for column in (*_columns(lead, (*LEAD_FACTS, "attempted_at", "updated_at")), *lead.on_change):
        yield _need("UPDATE", lead, column=column)
    if appointment:
        for column in (*_columns(appointment, (*APPOINTMENT_FACTS, "updated_at")), *appointment.on_change):
            yield _need("UPDATE", appointment, column=column)
        for column in (*_columns(appointment, appointment.sources), *appointment.constants):
            yield _need("INSERT", appointment, column=column)


def _columns(table: MappedTable, names: Iterable[str]) -> Iterator[str]:
    """Return the columns that hold these fields, as far as the table has them."""
    for name in names:
        if name in table.sources:
            yield from table.sources[name].columns


def _need(privilege: str, table: MappedTable | None, name: str | None = None, *, column: str | None = None) -> Need:
    return {
        "privilege": privilege,
        "schema": table.schema if table else None,
        "name": table.name if table else name,
        "column": column,
    }
