"""Advice on the customer's indexes: which of our questions would read whole tables, and where writers collide."""

from collections.abc import Sequence

import orjson
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.store.mapping import MappedTable, SchemaMapping
from reconcile.store.types import POSTGRESQL, TEXT

_POSTGRESQL = text(
    """
    SELECT i.indisunique, ARRAY(
        SELECT a.attname::text FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k(number, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.place
    )
    FROM pg_index i
    WHERE i.indrelid = to_regclass(coalesce(quote_ident(CAST(:schema AS text)) || '.', '') || quote_ident(:name))
      AND i.indisvalid AND i.indpred IS NULL
    """
).bindparams(bindparam("schema", type_=TEXT), bindparam("name", type_=TEXT))

_SQLITE = text(
    """
    SELECT l."unique", (SELECT json_group_array(i.name) FROM pragma_index_info(l.name) AS i)
    FROM pragma_index_list(:name) AS l WHERE NOT l.partial
    """
).bindparams(bindparam("name", type_=TEXT))


async def index_advice(connection: AsyncConnection, mapping: SchemaMapping) -> Sequence[str]:
    """Return advice for the lead's and the appointment's tables, each a sentence with a statement to execute."""
    advice = []
    lead, appointment = mapping.lead, mapping.appointment
    owner = lead.columns["workspace_id"]
    if not any(columns[:1] == [owner] for _, columns in await _indexes(connection, lead)):
        advice.append(
            f"{lead}.{owner} has no index, so that each workspace's leads are found by reading all; "
            f"execute: {_statement(lead, owner)}"
        )
    if appointment:
        found = await _indexes(connection, appointment)
        lead_id, key = appointment.columns["lead_id"], appointment.columns["appointment_id"]
        if not any(columns[:1] == [lead_id] for _, columns in found):
            advice.append(
                f"{appointment}.{lead_id} has no index, so that a lead's appointments are found by reading all; "
                f"execute: {_statement(appointment, lead_id)}"
            )
        if not any(is_unique and set(columns) <= {key, lead_id} for is_unique, columns in found):
            advice.append(
                f"{appointment} lets one appointment be inserted twice by two writers at once; "
                f"execute: {_statement(appointment, lead_id, key, kind='UNIQUE INDEX')}"
            )
    return advice


async def _indexes(connection: AsyncConnection, table: MappedTable) -> list[tuple[bool, list[str]]]:
    if connection.dialect.name == POSTGRESQL:
        rows = await connection.execute(_POSTGRESQL, {"schema": table.schema, "name": table.name})
        return [(bool(is_unique), list(columns)) for is_unique, columns in rows]
    rows = await connection.execute(_SQLITE, {"name": table.name})
    return [(bool(is_unique), orjson.loads(columns)) for is_unique, columns in rows]


def _statement(table: MappedTable, *columns: str, kind: str = "INDEX") -> str:
    place = ".".join(_quoted(part) for part in (table.schema, table.name) if part)
    return f"CREATE {kind} ON {place} ({', '.join(_quoted(column) for column in columns)})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
