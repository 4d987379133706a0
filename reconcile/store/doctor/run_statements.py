"""Whether PostgreSQL accepts the statements of a run: each is planned with EXPLAIN, and none is executed."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from reconcile.store.db.types import POSTGRESQL
from reconcile.store.leads.lead_query import LeadQuery
from reconcile.store.leads.write_statements import steps
from reconcile.store.mapping.domain_tables import DomainTables

_PURPOSES = {
    "new_appointments": "insert appointments",
    "appointments": "update appointments",
    "leads": "update leads",
    "attempts": "note when a lead was looked at",
}


async def refused_statements(connection: AsyncConnection, domain: DomainTables) -> Sequence[str]:
    """Return a sentence for each statement of a run on the customer's tables that PostgreSQL refuses; our tables exist.

    Covers what no other check names: a view whose rows cannot be locked, a column that cannot be written, a missing
    operator. Nothing is read or written.
    """
    if connection.dialect.name != POSTGRESQL:
        return []
    found = []
    for purpose, statement, parameters in _statements(domain):
        try:
            await _explain(connection, statement, parameters)
        except DBAPIError as error:
            await connection.rollback()
            reason = str(error.orig).splitlines()[0].rpartition(">: ")[2]
            found.append(
                f"the database refuses to {purpose}: {reason}; change the table or view, or the mapping "
                f"{domain.mapping.name}, as docs/adopt.md says of tables and views"
            )
    return found


async def _explain(connection: AsyncConnection, statement: ClauseElement, parameters: dict[str, Any]) -> None:
    compiled = cast("SQLCompiler", statement.compile(dialect=connection.dialect))
    state = compiled.construct_expanded_state(parameters)
    await connection.exec_driver_sql(f"EXPLAIN {state.statement}", tuple(state.positional_parameters))


def _statements(domain: DomainTables) -> Iterator[tuple[str, ClauseElement, dict[str, Any]]]:
    query = LeadQuery(domain)
    ids = query.ids.parameter([])
    yield "lock leads", query.leads_by_id.with_for_update(of=domain.lead.table), ids
    if domain.appointment:
        yield "lock appointments", query.appointments.with_for_update(of=domain.appointment.table), ids
    for key, step in steps(domain).items():
        if key in _PURPOSES:
            yield _PURPOSES[key], step.statement, step.rows.parameter([])
