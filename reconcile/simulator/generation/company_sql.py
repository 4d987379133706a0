"""The generated company as SQL for PostgreSQL, in one of the schemas that companies have: ``schemas/NAME.sql``.

Each file creates its tables and then fills them from two temporary tables, ``simulated_workspace`` and
``simulated_lead``, which the script creates before.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from reconcile.simulator.generation.leads import GeneratedLead, GeneratedWorkspace
from reconcile.simulator.wire import Api

_FILES = files("reconcile.simulator.generation") / "schemas"
_FILL = "-- fill\n"
_WORKSPACE = {
    "n": "int",
    "id": "text",
    "name": "text",
    "timezone": "text",
    "ghl_location_id": "text",
    "ghl_token": "text",
    "calendly_user": "text",
    "calendly_token": "text",
}
_LEAD = {
    "n": "int",
    "id": "text",
    "workspace_n": "int",
    "workspace_id": "text",
    "email": "text",
    "name": "text",
    "contact_id": "text",
    "status": "text",
    "booking_id": "text",
    "booking_provider": "text",
    "booking_status": "text",
    "booking_starts_at": "timestamptz",
    "booking_ends_at": "timestamptz",
    "in_sequence": "boolean",
    "last_inbound_at": "timestamptz",
}
_CALENDLY_USERS = "https://api.calendly.com/users/"
_PROVIDERS = {Api.GHL: "ghl", Api.CALENDLY: "calendly"}
_OTHER_STATUSES = ("qualified", "customer", "qualified", "lost")


def company_schemas() -> tuple[str, ...]:
    """Return the names of the schemas."""
    return tuple(sorted(each.name.removesuffix(".sql") for each in _FILES.iterdir() if each.name.endswith(".sql")))


def tables_script(schema: str) -> str:
    """Return the statements that create the tables of *schema*."""
    return _split(schema)[0]


def fill_script(
    schema: str, *, workspaces: Collection[GeneratedWorkspace], leads: Iterable[GeneratedLead], now: datetime
) -> str:
    """Return the statements that fill the tables of *schema*; *now* is when the leads last wrote."""
    numbers = {each.id: number for number, each in enumerate(workspaces, start=1)}
    staged = [
        _staged("simulated_workspace", _WORKSPACE, [_workspace(each, numbers[each.id]) for each in workspaces]),
        _staged(
            "simulated_lead",
            _LEAD,
            [_lead(each, n, numbers[each.workspace_id], now=now) for n, each in enumerate(leads, start=1)],
        ),
    ]
    return "\n".join([*staged, _split(schema)[1], "DROP TABLE simulated_workspace, simulated_lead;"])


def _split(schema: str) -> tuple[str, str]:
    tables, _, fill = (_FILES / f"{schema}.sql").read_text(encoding="utf-8").partition(_FILL)
    return tables, fill


def _staged(table: str, columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> str:
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    document = json.dumps(list(rows)).replace("'", "''")
    rows_of = f"jsonb_to_recordset('{document}'::jsonb) AS given ({typed})"
    create = f"CREATE TEMPORARY TABLE {table} ({typed});"
    return f"{create}\nINSERT INTO {table} SELECT * FROM {rows_of};"  # noqa: S608 - our own names, quoted values


def _workspace(workspace: GeneratedWorkspace, number: int) -> dict[str, Any]:
    return {
        "n": number,
        "id": workspace.id,
        "name": f"Workspace {number}",
        "timezone": workspace.time_zone,
        "ghl_location_id": workspace.location_id,
        "ghl_token": workspace.location_token,
        "calendly_user": _CALENDLY_USERS + workspace.calendly_user_id,
        "calendly_token": workspace.calendly_token,
    }


def _lead(lead: GeneratedLead, number: int, workspace_number: int, *, now: datetime) -> dict[str, Any]:
    stored = lead.stored
    return {
        "n": number,
        "id": lead.id,
        "workspace_n": workspace_number,
        "workspace_id": lead.workspace_id,
        "email": lead.email,
        "name": lead.name,
        "contact_id": lead.contact_id,
        "status": _status(lead, number),
        "booking_id": stored.id if stored else None,
        "booking_provider": _PROVIDERS[lead.api] if stored else None,
        "booking_status": stored.status if stored else None,
        "booking_starts_at": stored.starts_at.isoformat() if stored else None,
        "booking_ends_at": stored.ends_at.isoformat() if stored else None,
        "in_sequence": True,
        "last_inbound_at": (now - timedelta(hours=number)).isoformat(timespec="seconds"),
    }


def _status(lead: GeneratedLead, number: int) -> str:
    if lead.stored and lead.stored.status == "confirmed":
        return "meeting-booked"
    return "new" if lead.truth is None else _OTHER_STATUSES[number % len(_OTHER_STATUSES)]
