"""Unique keys of the mapped tables: ids of several leads, and unique indexes that a run would collide with."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.views.finding import FindingStatus
from reconcile.store.db.types import POSTGRESQL, TEXT
from reconcile.store.doctor.row_access import Judgement
from reconcile.store.mapping.domain_tables import APPOINTMENT_FACTS, LEAD_FACTS, DomainTables
from reconcile.store.mapping.mapping import MappedTable, SchemaMapping

_UNIQUE = text(
    """
    SELECT x.oid::regclass::text AS index, quote_ident(k.conname) AS constraint, c.oid::regclass::text AS place,
           c.relkind::text AS kind, i.indpred IS NOT NULL AS is_partial, i.indexprs IS NOT NULL AS has_expressions,
           ARRAY(
        SELECT a.attname::text FROM unnest(i.indkey::int[]) WITH ORDINALITY AS n(number, at)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = n.number
        WHERE n.at <= i.indnkeyatts ORDER BY n.at) AS columns
    FROM pg_class c
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique AND i.indisvalid
    LEFT JOIN pg_class x ON x.oid = i.indexrelid
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('u', 'p')
    WHERE c.oid = to_regclass(coalesce(quote_ident(CAST(:schema AS text)) || '.', '') || quote_ident(:name))
    ORDER BY 1
    """
).bindparams(bindparam("schema", type_=TEXT), bindparam("name", type_=TEXT))
_UNIQUE_COLUMN = "name a column whose values are unique as id in [lead.columns]"
_LOOKED_AT = 1_000_000
_PARTITIONED = "p"
_TABLES = frozenset({"r", _PARTITIONED})


async def key_findings(connection: AsyncConnection, domain: DomainTables) -> Sequence[Judgement]:
    """Return what is wrong with the keys of leads, and each unique index that refuses what a run writes."""
    mapping = domain.mapping
    if connection.dialect.name != POSTGRESQL:
        return [] if mapping.is_ours else await _of_lead_ids(connection, domain, remedy=_UNIQUE_COLUMN)
    found = list(await _of_lead_keys(connection, domain))
    found += _collisions(await _unique(connection, mapping.lead), *_lead_columns(mapping))
    if mapping.appointment:
        found += _crowded(await _unique(connection, mapping.appointment), mapping.appointment)
    return found


async def _unique(connection: AsyncConnection, table: MappedTable) -> Sequence[Mapping[str, Any]]:
    given = {"schema": table.schema, "name": table.name}
    return [dict(row) for row in (await connection.execute(_UNIQUE, given)).mappings()]


async def _of_lead_keys(connection: AsyncConnection, domain: DomainTables) -> Sequence[Judgement]:
    lead = domain.mapping.lead
    column = lead.columns["id"]
    rows = await _unique(connection, lead)
    if not rows or any(_is_whole(row) and row["columns"] == [column] for row in rows):
        return []
    place, kind = rows[0]["place"], rows[0]["kind"]
    key = next((", ".join(row["columns"]) for row in rows if row["columns"] and column in row["columns"]), None)
    statement = _UNIQUE_COLUMN
    if kind in _TABLES:
        unique = "" if kind == _PARTITIONED else " UNIQUE"
        statement = (
            f"execute: ALTER TABLE {place} ADD COLUMN reconcile_id bigint GENERATED ALWAYS AS IDENTITY{unique}, "
            "and name that column as id in [lead.columns]"
        )
    found = await _of_lead_ids(connection, domain, remedy=statement, key=key)
    if found or kind not in _TABLES:
        return found
    remedy = f'execute: CREATE UNIQUE INDEX CONCURRENTLY ON {place} ("{column}")'
    if kind == _PARTITIONED:
        remedy = "fill it from one sequence for all partitions"
    sentence = f"nothing keeps {place}.{column} unique, and each lead needs an id of its own; {remedy}"
    return [(FindingStatus.WARNING, sentence)]


async def _of_lead_ids(
    connection: AsyncConnection, domain: DomainTables, *, remedy: str, key: str | None = None
) -> Sequence[Judgement]:
    """Ask whether an id occurs twice among the first million rows; *key* names the columns that are unique together."""
    lead, mapped = domain.lead, domain.mapping.lead
    ids = select(lead["id"].read.label("id")).select_from(lead.table)
    some = (ids if lead.where is None else ids.where(lead.where)).limit(_LOOKED_AT).subquery("some_leads")
    twice = select(some.c.id, func.count()).where(some.c.id.is_not(None)).group_by(some.c.id).having(func.count() > 1)
    row = (await connection.execute(twice.order_by(some.c.id).limit(1))).first()
    if row is None:
        return []
    only = f", because only {key} together are unique" if key else ""
    sentence = f"{mapped}.{mapped.columns['id']} does not name one lead: {row[1]} rows have the value {row[0]}{only}"
    return [(FindingStatus.FAULT, f"{sentence}; {remedy}")]


def _lead_columns(mapping: SchemaMapping) -> tuple[frozenset[str], str]:
    """Return the columns of a lead that may not be unique, and the key's."""
    sources = mapping.lead.sources
    written = {column for name in LEAD_FACTS if name in sources for column in sources[name].columns}
    return frozenset(written), mapping.lead.columns["id"]


def _collisions(rows: Sequence[Mapping[str, Any]], written: frozenset[str], key: str) -> Iterator[Judgement]:
    """Tell of unique indexes over what a run writes of leads: two leads may share a booking, a contact, a time."""
    for row in rows:
        shared = [name for name in row["columns"] or () if name in written]
        if shared and key not in row["columns"]:
            over = f"{row['place']} has a unique index over {', '.join(row['columns'])}"
            effect = f"so a lead is refused and reported as failed where another lead holds the same {shared[0]}"
            yield FindingStatus.WARNING, f"{over}, {effect}; execute: {_drop(row)}"


def _crowded(rows: Sequence[Mapping[str, Any]], table: MappedTable) -> Iterator[Judgement]:
    """Tell of unique indexes that forbid a lead's second appointment."""
    names = ("lead_id", "workspace_id", *APPOINTMENT_FACTS)
    general = {column for name in names if name in table.sources for column in table.sources[name].columns}
    for row in rows:
        if row["columns"] and not row["has_expressions"] and set(row["columns"]) <= general:
            over = f"{row['place']} has a unique index over {', '.join(row['columns'])}"
            effect = "so a second appointment with the same is not inserted"
            yield FindingStatus.WARNING, f"{over}, {effect}; execute: {_drop(row)}"


def _is_whole(row: Mapping[str, Any]) -> bool:
    return not row["is_partial"] and not row["has_expressions"]


def _drop(row: Mapping[str, Any]) -> str:
    """Return the statement that takes the index away, as its kind allows."""
    if row["constraint"]:
        return f"ALTER TABLE {row['place']} DROP CONSTRAINT {row['constraint']}"
    return f"DROP INDEX {'' if row['kind'] == _PARTITIONED else 'CONCURRENTLY '}{row['index']}"
