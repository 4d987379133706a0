"""The SQL that prepares a customer's PostgreSQL for us: a role for each command with its privileges."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.setup.identifier import identifier
from reconcile.errors import SettingsError
from reconcile.store.db.database import Database
from reconcile.store.db.types import TEXT, document
from reconcile.store.doctor.grants import Need, command_needs, run_needs
from reconcile.store.mapping.mapping import MappedTable, SchemaMapping
from reconcile.store.mapping.sources import Expression

ROLES = {
    "run": "reconcile_run",
    "backfill": "reconcile_backfill",
    "undo": "reconcile_undo",
    "prune": "reconcile_prune",
    "migrate": "reconcile_migrate",
}
_NAMED = re.compile(r'\b(?:FROM|JOIN)\s+((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?)', re.IGNORECASE)
"""Names of tables in an expression; the database says which of them are there."""
_WORD = re.compile(r"\w+")
_PLACES = text(
    """
    SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name, quote_ident(n.nspname) AS quoted_schema,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS place, c.relrowsecurity AS has_policies,
           quote_ident(current_schema()) AS own_schema
    FROM jsonb_array_elements_text(CAST(:names AS jsonb)) AS given(name)
    JOIN pg_class c ON c.oid = to_regclass(given.name) JOIN pg_namespace n ON n.oid = c.relnamespace
    ORDER BY 4
    """
).bindparams(bindparam("names", type_=TEXT))
_COLUMNS = text(
    """
    SELECT a.attname::text AS name FROM pg_attribute a
    WHERE a.attrelid = to_regclass(:name) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
    """
).bindparams(bindparam("name", type_=TEXT))
_HEAD = """\
-- Roles of reconcile, one for each command. Execute this with psql before `reconcile migrate`, as a superuser or as the
-- owner of your tables with CREATEROLE. Set a password for each role that connects by one: \\password reconcile_run
"""


async def grants_script(database_url: str, mapping: SchemaMapping) -> str:
    """Return the script for *mapping*: roles, grants, policies. It may be executed before our tables exist."""
    database = Database(database_url)
    if not database.is_postgresql:
        raise SettingsError(["roles and grants are PostgreSQL's; SQLite has none"])
    try:
        async with database.read_connection() as connection:
            return "\n".join([_HEAD, *await _statements(connection, mapping), ""])
    finally:
        await database.close()


async def _statements(connection: AsyncConnection, mapping: SchemaMapping) -> Sequence[str]:
    mapped = [each for each in (mapping.workspace, mapping.lead, mapping.appointment) if each]
    names = {_full_name(each) for each in mapped}
    others = {name for each in mapped for sql in _expressions(each) for name in _NAMED.findall(sql)}
    found = await connection.execute(_PLACES, {"names": document(sorted(names | others))})
    rows = [dict(row) for row in found.mappings()]
    needs = run_needs(mapping, named=[(each, await _named_columns(connection, each)) for each in mapped])
    own = rows[0]["own_schema"] if rows else "public"
    schemas = sorted({own, *(row["quoted_schema"] for row in rows)})
    run, everyone = ROLES["run"], ", ".join(ROLES.values())
    others_found = [row for row in rows if not any(_is(each, (row["schema"], row["name"])) for each in mapped)]
    return [
        *(f"CREATE ROLE {role} LOGIN;" for role in ROLES.values()),
        f"GRANT {run} TO {ROLES['backfill']}, {ROLES['undo']};",
        f"GRANT USAGE ON SCHEMA {', '.join(schemas)} TO {everyone};",
        "",
        "-- reconcile migrate creates our tables; the others use them.",
        f"GRANT CREATE ON SCHEMA {own} TO {ROLES['migrate']};",
        *_on_our_tables(own),
        "",
        "-- Your tables.",
        *_on_tables(needs, f"{run}, {ROLES['prune']}", {"SELECT"}),
        *_on_tables(needs, run, {"INSERT", "UPDATE"}),
        *(f"GRANT SELECT ON {row['place']} TO {run}, {ROLES['prune']};" for row in others_found),
        *_on_tables(_theirs(command_needs(mapping)["undo"], mapping), ROLES["undo"], {"DELETE"}),
        *_policies(rows, run),
    ]


def _on_our_tables(schema: str) -> Iterator[str]:
    """Return default privileges, because the tables do not exist before ``migrate``."""
    default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {ROLES['migrate']} IN SCHEMA {schema} GRANT"
    yield f"{default} SELECT, INSERT, UPDATE ON TABLES TO {ROLES['run']};"
    yield f"{default} SELECT, DELETE ON TABLES TO {ROLES['prune']};"
    yield f"{default} DELETE ON TABLES TO {ROLES['backfill']}, {ROLES['undo']};"


def _on_tables(needs: Sequence[Need], roles: str, privileges: set[str]) -> Iterator[str]:
    """Return one grant for each table and privilege, with all its columns."""
    columns: dict[tuple[str, str], list[str]] = defaultdict(list)
    for need in needs:
        if need["privilege"] in privileges:
            place = ".".join(identifier(str(need[part])) for part in ("schema", "name") if need[part])
            named = columns[str(need["privilege"]), place]
            if need["column"] and identifier(need["column"]) not in named:
                named.append(identifier(need["column"]))
    for (privilege, place), named in columns.items():
        listed = f" ({', '.join(named)})" if named else ""
        yield f"GRANT {privilege}{listed} ON {place} TO {roles};"


def _policies(rows: Sequence[Mapping[str, Any]], role: str) -> Iterator[str]:
    for row in rows:
        if row["has_policies"]:
            yield f"CREATE POLICY reconcile ON {row['place']} TO {role} USING (true) WITH CHECK (true);"


def _theirs(needs: Sequence[Need], mapping: SchemaMapping) -> Sequence[Need]:
    names = {each.name for each in (mapping.appointment,) if each}
    return [each for each in needs if each["name"] in names]


def _expressions(table: MappedTable) -> Iterator[str]:
    yield from table.expressions.values()
    if table.where:
        yield table.where
    for constant in (*table.constants.values(), *table.on_change.values()):
        if isinstance(constant, Expression):
            yield constant.sql


async def _named_columns(connection: AsyncConnection, table: MappedTable) -> Sequence[str]:
    """Return the table's columns whose name occurs in one of its expressions: perhaps too many, never too few."""
    words = {word.lower() for sql in _expressions(table) for word in _WORD.findall(sql)}
    found = await connection.execute(_COLUMNS, {"name": _full_name(table)})
    return [name for name in found.scalars() if name.lower() in words]


def _is(table: MappedTable, key: tuple[str, str]) -> bool:
    return table.name == key[1] and table.schema in {None, key[0]}


def _full_name(table: MappedTable) -> str:
    return ".".join(identifier(part) for part in (table.schema, table.name) if part)
