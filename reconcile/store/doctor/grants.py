"""Privileges of PostgreSQL roles: what each command needs, and what ours lacks, with the statement that grants it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

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

_DELETED_BY_PRUNE = (
    *(tables.run, tables.batch, tables.change, tables.signature_run, tables.run_calls, tables.signature),
    *(tables.outbox, tables.alert, tables.backfill, tables.backfill_lead),
)
_CREATE = text(
    """
    SELECT has_schema_privilege(current_schema(), 'CREATE') AS may_create, quote_ident(current_schema()) AS schema,
           quote_ident(current_user) AS role
    """
)


async def command_rights(connection: AsyncConnection, mapping: SchemaMapping) -> Sequence[str]:
    """Return which further commands this role may execute, and the grant that each other one lacks; empty on SQLite.

    The role has the privileges of a run, and our tables exist.
    """
    if connection.dialect.name != POSTGRESQL:
        return []
    may, lacks = ["run"], []
    for command, needed in command_needs(mapping).items():
        missing = await _missing(connection, needed)
        if not missing:
            may.append(command)
            continue
        grant = f"GRANT DELETE ON {', '.join(place for _, place, _ in missing)} TO {missing[0][2]}"
        lacks.append(f"this role may not execute `reconcile {command}`; to allow it, execute: {grant}")
    row = (await connection.execute(_CREATE)).mappings().one()
    if row["may_create"]:
        may.append("migrate")
    else:
        grant = f"GRANT CREATE ON SCHEMA {row['schema']} TO {row['role']}"
        lacks.append(f"this role may not execute `reconcile migrate`; to allow it, execute: {grant}")
    return [f"the role {row['role']} may execute {', '.join(may)}", *lacks]


def command_needs(mapping: SchemaMapping) -> Mapping[str, Sequence[Need]]:
    """Return what each command deletes: it needs that beside the privileges of a run."""
    appointment = mapping.appointment
    undone = [_need("DELETE", appointment)] if appointment else []
    return {
        "backfill": [_need("DELETE", None, tables.backfill_lead.name)],
        "undo": [*undone, _need("DELETE", None, tables.appointment_state.name)],
        "prune": [_need("DELETE", None, table.name) for table in _DELETED_BY_PRUNE],
    }


def run_needs(mapping: SchemaMapping, *, named: Iterable[tuple[MappedTable, Sequence[str]]]) -> Sequence[Need]:
    """Return what a run needs of the customer's tables; *named* are the columns that expressions name."""
    read = [_need("SELECT", table, column=column) for table, columns in named for column in columns]
    return [*_of_customer(mapping), *read]


async def missing_grants(connection: AsyncConnection, mapping: SchemaMapping, *, with_ours: bool) -> Sequence[str]:
    """Return a sentence for each missing privilege; empty on SQLite."""
    if connection.dialect.name != POSTGRESQL:
        return []
    needed = list(_of_customer(mapping))
    if with_ours:
        for table in tables.metadata.tables.values():
            needed += [_need(privilege, None, table.name) for privilege in ("SELECT", "INSERT", "UPDATE")]
    return [
        f"the role {role} may not {what} on {place}; ask the owner to execute: GRANT {what} ON {place} TO {role}"
        for what, place, role in await _missing(connection, needed)
    ]


async def _missing(connection: AsyncConnection, needed: Sequence[Need]) -> Sequence[tuple[str, str, str]]:
    """Return privilege, place and role of each missing privilege."""
    rows = (await connection.execute(_MISSING, {"needed": document(needed)})).mappings()
    return [
        (
            f"{row['privilege']} ({row['place_column']})" if row["place_column"] else row["privilege"],
            row["place"],
            row["role"],
        )
        for row in rows
    ]


def _of_customer(mapping: SchemaMapping) -> Iterator[Need]:
    lead, appointment = mapping.lead, mapping.appointment
    for table in (mapping.workspace, lead, appointment):
        # A column that a change sets is read too: it keeps its value where another field's change sets it.
        for column in (*_columns(table, table.sources), *table.on_change) if table else ():
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
