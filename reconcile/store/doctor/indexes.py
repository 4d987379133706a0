"""Advice on the customer's indexes: queries that read whole tables, and missing unique indexes."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.setup.identifier import identifier
from reconcile.store.db.types import POSTGRESQL, TEXT
from reconcile.store.mapping.mapping import MappedTable, SchemaMapping

_POSTGRESQL = text(
    """
    SELECT i.indisunique, ARRAY(
        SELECT a.attname::text FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k(number, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.place
    ), coalesce(pg_get_expr(i.indpred, i.indrelid), '')
    FROM pg_index i
    WHERE i.indrelid = to_regclass(coalesce(quote_ident(CAST(:schema AS text)) || '.', '') || quote_ident(:name))
      AND i.indisvalid
    """
).bindparams(bindparam("schema", type_=TEXT), bindparam("name", type_=TEXT))

_RELKIND = text(
    """
    SELECT c.relkind::text FROM pg_class c
    WHERE c.oid = to_regclass(coalesce(quote_ident(CAST(:schema AS text)) || '.', '') || quote_ident(:name))
    """
).bindparams(bindparam("schema", type_=TEXT), bindparam("name", type_=TEXT))
_VIEWS, _PARTITIONED = frozenset({"v", "m"}), "p"
_NOT_OF_PARTITIONS = (
    "let every writer look for the row first: a unique index of a partitioned table has to contain the partition key"
)

_SQLITE = text(
    """
    SELECT l."unique", (SELECT json_group_array(i.name) FROM pragma_index_info(l.name) AS i), ''
    FROM pragma_index_list(:name) AS l WHERE NOT l.partial
    """
).bindparams(bindparam("name", type_=TEXT))


@dataclass(frozen=True, slots=True)
class _Index:
    is_unique: bool
    columns: list[str]
    condition: str
    """The condition of a partial index; else empty."""


async def index_advice(connection: AsyncConnection, mapping: SchemaMapping) -> Sequence[str]:
    """Return advice for the lead's and the appointment's tables, each a sentence with a statement to execute."""
    advice = _on_kind(await _of_lead(connection, mapping.lead), mapping.lead, await _kind(connection, mapping.lead))
    if (own := mapping.appointment) is not None:
        advice += _on_kind(await _of_appointment(connection, own), own, await _kind(connection, own))
    return advice


async def _of_lead(connection: AsyncConnection, lead: MappedTable) -> list[str]:
    advice, dialect = [], connection.dialect.name
    owner = lead.columns["workspace_id"]
    found = await _indexes(connection, lead)
    if not any(each.columns[:1] == [owner] for each in found if not each.condition):
        advice.append(
            f"{lead}.{owner} has no index, so each visit of a workspace reads the whole table; "
            f"execute: {_statement(lead, owner, dialect=dialect)}"
        )
    if dialect == POSTGRESQL:
        advice += _advice_on_due(lead, found)
    return advice


async def _of_appointment(connection: AsyncConnection, appointment: MappedTable) -> list[str]:
    advice, dialect = [], connection.dialect.name
    found = [each for each in await _indexes(connection, appointment) if not each.condition]
    lead_id, keys = appointment.columns["lead_id"], appointment.sources["appointment_id"].columns
    if not any(each.columns[:1] == [lead_id] for each in found):
        advice.append(
            f"{appointment}.{lead_id} has no index, so finding a lead's appointments reads the whole table; "
            f"execute: {_statement(appointment, lead_id, dialect=dialect)}"
        )
    return advice + [
        f"{appointment} has no unique index, so two concurrent writers can insert the same appointment; "
        f"execute: {_statement(appointment, lead_id, key, dialect=dialect, kind='UNIQUE INDEX')}"
        for key in keys
        if not any(each.is_unique and set(each.columns) <= {key, lead_id} for each in found)
    ]


async def _kind(connection: AsyncConnection, table: MappedTable) -> str:
    """Return PostgreSQL's letter for what the name stands for: a table, a partitioned one, a view."""
    if connection.dialect.name != POSTGRESQL:
        return ""
    found = await connection.execute(_RELKIND, {"schema": table.schema, "name": table.name})
    return str(found.scalar() or "")


def _on_kind(advice: Sequence[str], table: MappedTable, kind: str) -> list[str]:
    """Return *advice* in the form that PostgreSQL accepts for views and partitioned tables."""
    if kind in _VIEWS:
        return [
            each.replace("; execute: ", f"; {table} is a view: create such an index on its table: ") for each in advice
        ]
    if kind != _PARTITIONED:
        return list(advice)
    return [
        f"{each.partition('; execute: ')[0]}; {_NOT_OF_PARTITIONS}"
        if " UNIQUE INDEX " in each
        else each.replace(" CONCURRENTLY", "", 1)
        for each in advice
    ]


def _advice_on_due(lead: MappedTable, found: Sequence[_Index]) -> Sequence[str]:
    """Return the indexes by which ``due_sql.has_due_leads`` reads only the leads of one reason to be due."""
    columns = lead.columns
    wanted = {
        column: _statement(lead, column, dialect=POSTGRESQL)
        for name in ("booking_starts_at", "last_inbound_at")
        if (column := columns.get(name))
        and lead.sources[name].is_typed
        and not any(each.columns[:1] == [column] for each in found)
    }
    in_sequence, booking_id, status = (columns.get(name) for name in ("in_sequence", "booking_id", "booking_status"))
    if in_sequence and not any(in_sequence in each.condition for each in found):
        wanted[in_sequence] = _partial(lead, in_sequence, identifier(in_sequence))
    if booking_id and status and not any(status in each.condition for each in found):
        lacks_status = f"{identifier(booking_id)} IS NOT NULL AND {identifier(status)} IS NULL"
        wanted[status] = _partial(lead, status, lacks_status)
    reason = "has no index for due leads, so each run reads the whole table"
    return [f"{lead}.{column} {reason}; execute: {statement}" for column, statement in wanted.items()]


async def _indexes(connection: AsyncConnection, table: MappedTable) -> Sequence[_Index]:
    if connection.dialect.name == POSTGRESQL:
        rows = await connection.execute(_POSTGRESQL, {"schema": table.schema, "name": table.name})
        return [_Index(bool(is_unique), list(columns), condition) for is_unique, columns, condition in rows]
    rows = await connection.execute(_SQLITE, {"name": table.name})
    return [_Index(bool(is_unique), orjson.loads(columns), condition) for is_unique, columns, condition in rows]


def _statement(table: MappedTable, *columns: str, dialect: str, kind: str = "INDEX") -> str:
    return _named(table, columns, kind=kind, name="_".join(columns), dialect=dialect)


def _partial(table: MappedTable, column: str, where: str) -> str:
    """Return the statement for the leads that *column* makes due, workspace by workspace."""
    keys = (table.columns["workspace_id"], table.columns["id"])
    return f"{_named(table, keys, kind='INDEX', name=column, dialect=POSTGRESQL)} WHERE {where}"


def _named(table: MappedTable, columns: Sequence[str], *, kind: str, name: str, dialect: str) -> str:
    """Return the statement that creates the index: with a name, which SQLite requires, and without blocking writes."""
    kind = f"{kind} CONCURRENTLY" if dialect == POSTGRESQL else kind
    place = ".".join(identifier(part) for part in (table.schema, table.name) if part)
    listed = ", ".join(identifier(column) for column in columns)
    return f"CREATE {kind} {identifier(f'reconcile_{table.name}_{name}')} ON {place} ({listed})"
