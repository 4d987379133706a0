"""Inserts workspaces and leads into the domain tables through a mapping, for the demo, tests and benchmarks."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, select, text

from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead, LeadStatus
from reconcile.domain.workspace import Workspace
from reconcile.store.db.insert import insert
from reconcile.store.db.json_rows import Rows
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.fields import DomainTable, type_of
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.session import open_domain

CHUNK = 5_000
_PROVIDERS = {"booking_id": "booking_provider", "appointment_id": "provider"}


async def seed(
    database_url: str,
    *,
    mapping: SchemaMapping,
    workspaces: Iterable[Workspace] = (),
    leads: Iterable[Lead] = (),
    other_status: str = "new",
) -> None:
    """Insert *workspaces* with their tokens, and *leads* with their appointments; rows that are there stay.

    *other_status* is the customer's word for a lead whose status does not concern us. Our own memory of a lead
    (``Lead.state``) is not written: that is the runs' work.
    """
    async with open_domain(database_url, mapping) as (database, domain):
        todo: list[tuple[DomainTable | None, list[dict[str, Any]]]] = [
            (domain.workspace, [_workspace(each) for each in workspaces])
        ]
        found = list(leads)
        todo.append((domain.lead, [_lead(each, mapping, other_status) for each in found]))
        todo.append((domain.appointment, [row for each in found for row in _appointments(each, mapping)]))
        async with database.write_connection() as connection:
            for table, rows in todo:
                for start in range(0, len(rows) if table else 0, CHUNK):
                    assert table is not None  # noqa: S101 - for the type checker
                    await connection.execute(*_insert(domain, table, rows[start : start + CHUNK]))


def _insert(domain: DomainTables, table: DomainTable, given: Sequence[dict[str, Any]]) -> tuple[Any, dict[str, str]]:
    names = [name for name in given[0] if name in table]
    rows = Rows("given", {name: type_of(name) for name in given[0]}, dialect=domain.dialect)
    values: dict[Any, ColumnElement[Any]] = {}
    for name in names:
        for provider, column in table[name].by_provider.items():
            is_its = rows[_PROVIDERS[name]].in_(domain.mapping.provider_words.words[provider])
            values[column.column] = column.native(case((is_its, rows[name])))
        if not table[name].by_provider and table[name].sets_column:
            values |= table[name].assignments(rows[name], dialect=domain.dialect)
    source = select(*values.values()).select_from(rows.table).where(text("true"))
    statement = insert(table.table, domain.dialect).from_select(list(values), source).on_conflict_do_nothing()
    return statement, rows.parameter(given)


def _workspace(workspace: Workspace) -> dict[str, Any]:
    ghl = workspace.credentials.get(ProviderName.HIGHLEVEL)
    calendly = workspace.credentials.get(ProviderName.CALENDLY)
    return {
        "id": workspace.id,
        "timezone": workspace.timezone,
        "ghl_location_id": ghl.account if ghl else None,
        "ghl_token": ghl.token.reveal() if ghl else None,
        "calendly_user": calendly.account if calendly else None,
        "calendly_token": calendly.token.reveal() if calendly else None,
        "active": True,
    }


def _lead(lead: Lead, mapping: SchemaMapping, other_status: str) -> dict[str, Any]:
    kept = mapping.lead_words.keep[0] if mapping.lead_words.keep else other_status
    other = kept if lead.status is LeadStatus.KEPT else other_status
    return {
        "id": lead.id,
        "workspace_id": lead.workspace_id,
        "email": lead.email,
        "contact_id": lead.contact_id,
        "status": mapping.lead_words.encode(lead.status) or other,
        "booking_id": lead.rollup.booking_id,
        "booking_provider": mapping.lead_provider_words.encode(lead.rollup.provider),
        "booking_status": mapping.booking_words.encode(lead.rollup.status),
        "booking_starts_at": lead.rollup.starts_at,
        "booking_ends_at": lead.rollup.ends_at,
        "booking_canceled_at": lead.rollup.canceled_at,
        "in_sequence": lead.in_sequence,
        "last_inbound_at": lead.last_inbound_at,
    }


def _appointments(lead: Lead, mapping: SchemaMapping) -> Iterable[dict[str, Any]]:
    for each in lead.appointments:
        yield {
            "lead_id": lead.id,
            "workspace_id": lead.workspace_id,
            "appointment_id": each.id,
            "provider": mapping.appointment_provider_words.encode(each.provider),
            "status": mapping.appointment_words.encode(each.status),
            "starts_at": each.starts_at,
            "ends_at": each.ends_at,
            "canceled_at": each.canceled_at,
            "replaces": each.replaces,
        }
