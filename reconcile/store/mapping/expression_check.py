"""Checks the expressions of a mapping: the database evaluates each of them over no rows."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, cast, literal_column, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import FromClause

from reconcile.store.db.types import SQLITE, Native
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.fields import DomainTable
from reconcile.store.mapping.mapping import VARIABLE, MappedTable
from reconcile.store.mapping.sources import Expression
from reconcile.store.schema.tables import workspace_state

Question = tuple[str, Select[tuple[int]], str]
"""The place of the expression, the statement that checks it, and the remedy if it is refused."""


async def expression_faults(
    connection: AsyncConnection, domain: DomainTables, *, with_ours: bool = True
) -> Sequence[str]:
    """Return a sentence for each expression that the database refuses, with the database's own reason.

    With our tables there, they are asked as the runs ask them: beside what we remember of a lead or workspace, so that
    a column that both have must be qualified. Nothing is read, so that no reason holds a value of a row.
    """
    faults = []
    for place, statement, remedy in _questions(domain, with_ours=with_ours):
        try:
            await connection.execute(statement)
        except DBAPIError as error:
            await connection.rollback()
            reason = str(error.orig).splitlines()[0].rpartition(">: ")[2]
            faults.append(f"{place} of {domain.mapping.name} ({VARIABLE}) is refused: {reason}; {remedy}")
    return faults


def _questions(domain: DomainTables, *, with_ours: bool) -> Iterator[Question]:
    mapping, lead, own = domain.mapping, domain.lead, domain.appointment
    workspaces: FromClause = domain.workspace.table
    if with_ours:
        is_same = workspace_state.c.workspace_id == domain.workspace["id"].read
        workspaces = workspaces.outerjoin(workspace_state, is_same)
    yield from _of_table("workspace", mapping.workspace, domain.workspace, workspaces, dialect=domain.dialect)
    leads = domain.lead_source() if with_ours else lead.table
    yield from _of_table("lead", mapping.lead, lead, leads, dialect=domain.dialect)
    if own is not None and mapping.appointment is not None:
        rows = domain.appointment_source() if with_ours else own.table
        yield from _of_table("appointment", mapping.appointment, own, rows, dialect=domain.dialect)


def _of_table(
    section: str, mapped: MappedTable, table: DomainTable, source: FromClause, *, dialect: str
) -> Iterator[Question]:
    qualify = f"name columns as {mapped.name}.column"

    def ask(expression: ColumnElement[Any], rows: FromClause) -> Select[tuple[int]]:
        return select(literal_column("1")).select_from(rows).add_columns(expression).limit(0)

    for name in mapped.expressions:
        yield f"[{section}.columns] {name}", ask(table[name].read, source), f"{qualify}, and check the type"
    if table.where is not None:
        yield f"[{section}] where", ask(table.where, source).where(table.where), f"{qualify}, and give a condition"
    # A statement that writes also has other rows than the table's, with columns of the same names.
    written = table.table.join(table.table.alias("another"), literal_column("1 = 1"))
    for key, constants in (("constants", mapped.constants), ("on_change", mapped.on_change)):
        for column, constant in constants.items():
            if isinstance(constant, Expression):
                value = table.constant(column, constant, dialect=dialect)
                if dialect != SQLITE:
                    value = cast(value, Native(table.constant_types[column]))
                question = select(value).limit(0) if key == "constants" else ask(value, written)
                yield f"[{section}.{key}] {column}", question, f"{qualify}, and check the type"
