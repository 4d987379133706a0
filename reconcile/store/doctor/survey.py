"""Surveys a PostgreSQL database for ``reconcile init``: its catalog, and counts of values by shape.

Values are matched and counted by the database. Only words of columns that hold few different ones, and that by their
name are a status, a provider or a flag, leave it.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.setup.identifier import identifier
from reconcile.domain.setup.survey import SurveyedColumn, SurveyedTable, SurveyedType, ValueShape
from reconcile.errors import SettingsError
from reconcile.store.db.database import Database

ROWS = 2000
"""How many rows of each table are read."""
_MOST_WORDS = 12

_COLUMNS = text(
    """
    SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text = 'v' AS is_view,
           a.attname::text AS column, base.typname::text AS type, base.typcategory::text AS category,
           a.attnotnull AS is_required,
           a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' AS has_default,
           a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) AS is_sequence,
           a.atttypmod AS modifier, coalesce(col_description(c.oid, a.attnum), '') AS comment,
           c.relrowsecurity AS has_policies,
           ARRAY(SELECT e.enumlabel::text FROM pg_enum e
                 WHERE e.enumtypid = base.oid ORDER BY e.enumsortorder) AS labels
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type base ON base.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%'
      AND n.nspname <> 'information_schema' AND c.relname NOT LIKE 'reconcile\\_%'
      AND c.relname <> 'alembic_version' AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY 1, 2, a.attnum
    """
)
_KEYS = text(
    """
    SELECT n.nspname::text AS schema, c.relname::text AS name, i.indisprimary AS is_primary, ARRAY(
        SELECT a.attname::text FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k(number, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.place) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    """
)
_REFERENCES = text(
    """
    SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS column,
           fn.nspname::text AS other_schema, f.relname::text AS other
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
    WHERE k.contype = 'f' AND cardinality(k.conkey) = 1
    """
)
_READ_BY_VIEWS = text(
    """
    SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name,
           fn.nspname::text AS other_schema, f.relname::text AS other
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    JOIN pg_class f ON d.refclassid = 'pg_class'::regclass AND f.oid = d.refobjid AND f.oid <> c.oid
    JOIN pg_namespace fn ON fn.oid = f.relnamespace
    WHERE c.relkind = 'v'
    ORDER BY 1, 2, 3, 4
    """
)
_PATTERNS = {
    ValueShape.EMAIL: "^[^@[:space:]]+@[^@[:space:]]+[.][a-z]+$",
    ValueShape.GHL_ID: "^[A-Za-z0-9]{20}$",
    ValueShape.GHL_TOKEN: "^pit-[0-9a-f-]{36}$",
    ValueShape.CALENDLY_EVENT: "^https://[^/]+/scheduled_events/",
    ValueShape.CALENDLY_USER: "^https://[^/]+/users/",
    ValueShape.ZONE: "^(UTC|(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_/+-]+)$",
}
_STATE_NAME = re.compile(
    r"status|state|stage|phase|provider|calendar|sequence|cancel|booked|active|enabled", re.IGNORECASE
)
_TYPES = {
    "timestamptz": SurveyedType.INSTANT,
    "timestamp": SurveyedType.NAIVE_INSTANT,
    "uuid": SurveyedType.UUID,
    **dict.fromkeys(("int2", "int4", "int8"), SurveyedType.INTEGER),
}
_CATEGORIES = {"S": SurveyedType.TEXT, "E": SurveyedType.ENUM, "B": SurveyedType.BOOLEAN}
_COUNTED = frozenset({SurveyedType.TEXT, SurveyedType.ENUM, SurveyedType.INTEGER, SurveyedType.BOOLEAN})
_MILLISECONDS = 3


async def survey(database_url: str) -> Sequence[SurveyedTable]:
    """Return the tables and views of the database that this role can read, without ours."""
    database = Database(database_url)
    if not database.is_postgresql:
        raise SettingsError(["`reconcile init` reads PostgreSQL only; write the mapping by hand: docs/adopt.md"])
    try:
        async with database.read_connection() as connection:
            return await _survey(connection)
    finally:
        await database.close()


async def _survey(connection: AsyncConnection) -> Sequence[SurveyedTable]:
    columns: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in (await connection.execute(_COLUMNS)).mappings():
        columns[row["schema"], row["name"]].append(row)
    unique, primary = defaultdict(list), {}
    for row in (await connection.execute(_KEYS)).mappings():
        unique[row["schema"], row["name"]].append(frozenset(row["columns"]))
        if row["is_primary"]:
            primary[row["schema"], row["name"]] = tuple(row["columns"])
    references: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for row in (await connection.execute(_REFERENCES)).mappings():
        references[row["schema"], row["name"]][row["column"]] = _full_name(row)
    read: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in (await connection.execute(_READ_BY_VIEWS)).mappings():
        read[row["schema"], row["name"]].append(_full_name(row))
    tables = []
    for (schema, name), rows in columns.items():
        found, count = await _survey_columns(connection, schema, name, rows)
        tables.append(
            SurveyedTable(
                schema=schema,
                name=name,
                is_view=rows[0]["is_view"],
                rows=count,
                columns=found,
                unique=tuple(unique[schema, name]),
                primary=primary.get((schema, name), ()),
                references=references[schema, name],
                has_policies=rows[0]["has_policies"],
                reads=tuple(read[schema, name]),
            )
        )
    return tables


def _full_name(row: RowMapping) -> str:
    """Return the name of the other table in *row*, as a mapping spells it."""
    return str(row["other"]) if row["other_schema"] == "public" else f"{row['other_schema']}.{row['other']}"


async def _survey_columns(
    connection: AsyncConnection, schema: str, name: str, rows: Sequence[Any]
) -> tuple[dict[str, SurveyedColumn], int]:
    types = {
        row["column"]: _TYPES.get(row["type"]) or _CATEGORIES.get(row["category"], SurveyedType.OTHER) for row in rows
    }
    asked: list[tuple[str, ValueShape | None]] = []
    selected = ["count(*)"]
    for column, kind in types.items():
        selected.append(f"count({identifier(column)})")
        asked.append((column, None))
        if kind is SurveyedType.TEXT:
            for shape, pattern in _PATTERNS.items():
                selected.append(f"count(*) FILTER (WHERE {identifier(column)}::text ~ '{pattern}')")
                asked.append((column, shape))
    rows_of = f"(SELECT * FROM {identifier(schema)}.{identifier(name)} LIMIT {ROWS}) AS looked_at"  # noqa: S608 - names quoted
    counts = (await connection.exec_driver_sql(f"SELECT {', '.join(selected)} FROM {rows_of}")).one()  # noqa: S608
    filled: dict[str, int] = {}
    shapes: dict[str, dict[ValueShape, int]] = defaultdict(dict)
    for (column, wanted), number in zip(asked, map(int, tuple(counts)[1:]), strict=True):
        if wanted is None:
            filled[column] = number
        elif number:
            shapes[column][wanted] = number
    found = {}
    for row in rows:
        column = row["column"]
        words: dict[str, int] = dict.fromkeys(row["labels"], 0)
        if types[column] in _COUNTED and _STATE_NAME.search(column) and not shapes[column]:
            words |= await _count_words(connection, rows_of, column)
        found[column] = SurveyedColumn(
            name=column,
            type=types[column],
            is_required=row["is_required"],
            has_default=row["has_default"],
            is_sequence=row["is_sequence"],
            is_millisecond=row["modifier"] == _MILLISECONDS,
            comment=row["comment"],
            filled=filled[column],
            shapes=shapes[column],
            words=words,
        )
    return found, counts[0]


async def _count_words(connection: AsyncConnection, rows_of: str, column: str) -> dict[str, int]:
    """Count the values of a column that holds few different ones."""
    name = identifier(column)
    question = (
        f"SELECT {name}::text, count(*) FROM {rows_of} WHERE {name} IS NOT NULL GROUP BY 1 LIMIT {_MOST_WORDS + 1}"  # noqa: S608
    )
    rows = (await connection.exec_driver_sql(question)).all()
    return {str(word).rstrip(): int(count) for word, count in map(tuple, rows)} if len(rows) <= _MOST_WORDS else {}
