"""Reads the types of the customer's columns from the database's catalog, once at the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.store.db.types import POSTGRESQL, TEXT, document
from reconcile.store.mapping.mapping import MappedTable, SchemaMapping
from reconcile.store.mapping.vocabulary import Comparison


class ColumnKind(StrEnum):
    """The kind of a column's type, by which its values are converted."""

    TEXT = "text"
    UUID = "uuid"
    INTEGER = "integer"
    ENUM = "enum"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    NAIVE_INSTANT = "instant without zone"
    """Taken to mean UTC."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """One column: *type_name* can be used in a cast, *labels* are an enum's words."""

    name: str
    type_name: str
    kind: ColumnKind
    is_required: bool
    """Not null and without a default: a new row needs a value."""
    is_generated: bool = False
    """The database computes it, so no statement may set it."""
    labels: tuple[str, ...] = ()
    precision: int | None = None
    """The fractional digits of a second that the column stores, if limited."""
    base: str = ""
    """The base type of a domain, else the type itself; empty on SQLite."""
    has_own_collation: bool = False
    """Whether a collation may treat other spellings as equal to a word."""

    @property
    def comparison(self) -> Comparison:
        """How words of the column are compared."""
        return _COMPARISONS.get(self.base or self.type_name, Comparison.EXACT)


_COMPARISONS = {"character": Comparison.PADDED, "bpchar": Comparison.PADDED, "citext": Comparison.CASELESS}

Catalog = Mapping[str, Mapping[str, ColumnFacts]]
"""Table (``workspace``, ``lead``, ``appointment``) → column name → facts; a missing table is left out."""

_POSTGRESQL = text(
    """
    SELECT wanted.key, a.attname, format_type(a.atttypid, NULL), base.typname, base.typcategory,
           a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '',
           CASE WHEN base.typcategory = 'D' AND a.atttypmod >= 0 THEN a.atttypmod END,
           a.attgenerated <> '' OR a.attidentity = 'a',
           ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = base.oid ORDER BY e.enumsortorder),
           EXISTS (SELECT FROM pg_collation c
                   WHERE c.oid = a.attcollation AND to_jsonb(c) ->> 'collisdeterministic' = 'false')
    FROM jsonb_to_recordset(CAST(:tables AS jsonb)) AS wanted(key text, schema text, name text)
    JOIN pg_attribute a
      ON a.attrelid = to_regclass(coalesce(quote_ident(wanted.schema) || '.', '') || quote_ident(wanted.name))
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type base ON base.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    WHERE a.attnum > 0 AND NOT a.attisdropped
    """
).bindparams(bindparam("tables", type_=TEXT))

_SQLITE = text(
    """
    SELECT json_extract(wanted.value, '$.key'), p.name, p.type,
           (p."notnull" OR p.pk) AND p.dflt_value IS NULL AND NOT (p.pk AND upper(p.type) = 'INTEGER')
               AND p.hidden = 0,
           p.hidden IN (2, 3)
    FROM json_each(:tables) AS wanted JOIN pragma_table_xinfo(json_extract(wanted.value, '$.name')) AS p
    """
).bindparams(bindparam("tables", type_=TEXT))

_POSTGRESQL_KINDS = {
    "uuid": ColumnKind.UUID,
    "timestamptz": ColumnKind.INSTANT,
    "timestamp": ColumnKind.NAIVE_INSTANT,
    "int2": ColumnKind.INTEGER,
    "int4": ColumnKind.INTEGER,
    "int8": ColumnKind.INTEGER,
}
_CATEGORIES = {"S": ColumnKind.TEXT, "E": ColumnKind.ENUM, "B": ColumnKind.BOOLEAN}


async def read_catalog(connection: AsyncConnection, mapping: SchemaMapping) -> Catalog:
    """Return the facts of the mapped tables that exist."""
    tables: dict[str, MappedTable] = {"workspace": mapping.workspace, "lead": mapping.lead}
    if mapping.appointment:
        tables["appointment"] = mapping.appointment
    wanted = document([{"key": key, "schema": table.schema, "name": table.name} for key, table in tables.items()])
    is_postgresql = connection.dialect.name == POSTGRESQL
    found = await connection.execute(_POSTGRESQL if is_postgresql else _SQLITE, {"tables": wanted})
    catalog: dict[str, dict[str, ColumnFacts]] = {}
    for key, *row in found:
        facts = _from_postgresql(row) if is_postgresql else _from_sqlite(row)
        catalog.setdefault(key, {})[facts.name] = facts
    return catalog


def _from_postgresql(row: list[Any]) -> ColumnFacts:
    name, type_name, base, category, is_required, precision, is_generated, labels, has_own_collation = row
    kind = _POSTGRESQL_KINDS.get(base) or _CATEGORIES.get(_letter(category), ColumnKind.OTHER)
    return ColumnFacts(
        name=name,
        type_name=type_name,
        kind=kind,
        is_required=is_required,
        is_generated=is_generated,
        labels=tuple(labels),
        precision=precision,
        base=base,
        has_own_collation=has_own_collation,
    )


def _letter(category: object) -> str:
    # PostgreSQL's one-byte "char" arrives as bytes.
    return category.decode() if isinstance(category, bytes) else str(category)


def _from_sqlite(row: list[Any]) -> ColumnFacts:
    name, declared, is_required, is_generated = row
    # SQLite does not report a column's collation, so each column may have one.
    return ColumnFacts(
        name=name,
        type_name=declared,
        kind=_sqlite_kind(declared.upper()),
        is_required=bool(is_required),
        is_generated=bool(is_generated),
        has_own_collation=True,
    )


def _sqlite_kind(declared: str) -> ColumnKind:
    """Return the kind by SQLite's rules of affinity, and by common names of types for instants and booleans."""
    if "BOOL" in declared:
        return ColumnKind.BOOLEAN
    if "INT" in declared:
        return ColumnKind.INTEGER
    return ColumnKind.INSTANT if "DATE" in declared or "TIME" in declared else ColumnKind.TEXT
