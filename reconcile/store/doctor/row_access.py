"""What stands between a PostgreSQL role and the rows of the mapped tables: policies and views."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.views.finding import FindingStatus
from reconcile.store.db.types import POSTGRESQL, TEXT, document
from reconcile.store.mapping.mapping import MappedTable, SchemaMapping

Judgement = tuple[FindingStatus, str]
"""A sentence, with the remedy behind its last semicolon."""

_RELATIONS = text(
    """
    SELECT wanted.key, c.oid::regclass::text AS place, c.relkind::text AS kind, quote_ident(current_user) AS role,
           pg_relation_is_updatable(c.oid, true) AS events,
           CASE WHEN c.relkind IN ('r', 'p') THEN row_security_active(c.oid) ELSE false END AS is_restricted,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', p.polname, 'command', p.polcmd::text, 'is_permissive', p.polpermissive,
                'is_open', coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
                    AND coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true') ORDER BY p.polname), '[]')
            FROM pg_policy p WHERE p.polrelid = c.oid
              AND (p.polroles = '{0}' OR EXISTS (
                  SELECT FROM unnest(p.polroles) AS r(id) WHERE r.id <> 0 AND pg_has_role(r.id, 'USAGE')))) AS policies
    FROM jsonb_to_recordset(CAST(:tables AS jsonb)) AS wanted(key text, schema text, name text)
    JOIN pg_class c ON c.oid = to_regclass(coalesce(quote_ident(wanted.schema) || '.', '') || quote_ident(wanted.name))
    """
).bindparams(bindparam("tables", type_=TEXT))
_NEEDED = {
    "workspace": {"r": "reads"},
    "lead": {"r": "reads", "w": "updates"},
    "appointment": {"r": "reads", "w": "updates", "a": "inserts"},
}
_VIEWS = frozenset({"v", "m"})
_EVENTS = {"UPDATE": 1 << 2, "INSERT": 1 << 3, "DELETE": 1 << 4}
"""Bits of ``pg_relation_is_updatable``."""
_NEEDED_EVENTS = {"lead": ("UPDATE",), "appointment": ("INSERT", "UPDATE")}


async def access_findings(connection: AsyncConnection, mapping: SchemaMapping) -> Sequence[Judgement]:
    """Return what row-level security hides from this role, and which views cannot be written; empty on SQLite."""
    if connection.dialect.name != POSTGRESQL:
        return []
    tables: Mapping[str, MappedTable | None] = {
        "workspace": mapping.workspace,
        "lead": mapping.lead,
        "appointment": mapping.appointment,
    }
    wanted = [{"key": key, "schema": each.schema, "name": each.name} for key, each in tables.items() if each]
    found: list[Judgement] = []
    rows = (await connection.execute(_RELATIONS, {"tables": document(wanted)})).mappings().all()
    for row in map(dict, rows):
        found += _of_view(row)
        if row["is_restricted"]:
            found += _of_policies(row, has_rows=await _has_rows(connection, row["place"]))
    return found


def _of_view(row: Mapping[str, Any]) -> Iterator[Judgement]:
    """Tell which writes of a run a view accepts neither by itself nor by a trigger."""
    if row["kind"] not in _VIEWS:
        return
    place, events = row["place"], row["events"]
    lacking = [event for event in _NEEDED_EVENTS.get(row["key"], ()) if not events & _EVENTS[event]]
    if lacking:
        trigger = f"CREATE TRIGGER reconcile_write INSTEAD OF {' OR '.join(lacking)} ON {place} FOR EACH ROW"
        remedy = f"map its table, or write a trigger function and execute: {trigger} EXECUTE FUNCTION your_function()"
        yield FindingStatus.FAULT, f"{place} is a view that accepts no {' and no '.join(lacking)}; {remedy}"
    if row["key"] == "appointment" and not lacking and not events & _EVENTS["DELETE"]:
        effect = "so `reconcile undo` leaves what a run inserted"
        remedy = "give it an INSTEAD OF DELETE trigger if that matters"
        yield FindingStatus.WARNING, f"{place} is a view that accepts no DELETE, {effect}; {remedy}"


def _of_policies(row: Mapping[str, Any], *, has_rows: bool) -> Iterator[Judgement]:
    """Tell what the policies of a table let this role do, as far as the catalog says."""
    place, role, policies = row["place"], row["role"], row["policies"]
    open_to_all = f"CREATE POLICY reconcile ON {place} TO {role} USING (true) WITH CHECK (true)"
    limiting = [each["name"] for each in policies if not each["is_permissive"] and not each["is_open"]]
    remedy = f"ALTER ROLE {role} BYPASSRLS" if limiting else open_to_all
    permissive = [each for each in policies if each["is_permissive"]]
    refused = [
        verb
        for command, verb in _NEEDED[row["key"]].items()
        if not any(each["command"] in {command, "*"} for each in permissive)
    ]
    names = ", ".join(each["name"] for each in policies)
    if refused:
        by = f"the policies {names} allow no more" if policies else "no policy is for it"
        what = f"row-level security of {place} applies to the role {role}, which {' and '.join(refused)} no row: {by}"
        yield FindingStatus.FAULT, f"{what}; ask the owner to execute: {open_to_all}"
    elif not has_rows:
        what = f"row-level security of {place} hides every row from the role {role} (policies: {names})"
        yield FindingStatus.FAULT, f"{what}; ask the owner to execute: {remedy}"
    elif limiting or not any(each["is_open"] for each in permissive):
        effect = f"runs see and change only what the policies {names} allow"
        what = f"row-level security of {place} applies to the role {role}: {effect}"
        yield FindingStatus.WARNING, f"{what}; if that is not every row, ask the owner to execute: {remedy}"


async def _has_rows(connection: AsyncConnection, place: str) -> bool:
    """Ask whether the role sees a row, or the table is empty for everybody; *place* is quoted by the database."""
    name = "CAST(CAST($1 AS text) AS regclass)"
    parts = f"SELECT FROM pg_partition_tree({name}) AS part WHERE pg_relation_size(part.relid) > 0"
    is_empty = f"pg_relation_size({name}) = 0 AND NOT EXISTS ({parts})"
    question = f"SELECT EXISTS (SELECT FROM {place}) OR ({is_empty})"  # noqa: S608 - quoted by regclass
    return bool((await connection.exec_driver_sql(question, (place,))).scalar_one())
