"""Which of the surveyed tables holds workspaces, leads and appointments: by the shapes of values, by keys, by names."""

import re
from collections.abc import Callable, Iterable

from reconcile.domain.setup.draft import first_named, words_of
from reconcile.domain.setup.survey import SurveyedColumn, SurveyedTable, ValueShape

BOOKING = r"(booking|appointment|meeting|call|event)"
_LEAD_NAMES = re.compile(r"lead|contact|prospect|person|people|patient")
_WORKSPACE_NAMES = re.compile(r"workspace|account|tenant|client|organi[sz]ation|compan|customer|location")


def best_table(tables: Iterable[SurveyedTable], score: Callable[[SurveyedTable], int]) -> SurveyedTable | None:
    """Return the table with the best score, a table before a view; None where none has any."""
    ranked = sorted(((score(each), each.is_view, each) for each in tables), key=lambda each: (-each[0], not each[1]))
    return ranked[0][2] if ranked and ranked[0][0] > 0 else None


def shaped_columns(table: SurveyedTable, shape: ValueShape) -> list[SurveyedColumn]:
    """Return the columns whose values have this shape."""
    return [each for each in table.columns.values() if each.has(shape)]


def workspace_score(table: SurveyedTable) -> int:
    """Return how much a table looks like one of workspaces."""
    tokens = len(shaped_columns(table, ValueShape.GHL_TOKEN)) + len(shaped_columns(table, ValueShape.CALENDLY_USER))
    named = [
        each
        for each in table.columns.values()
        if re.search(r"token|location|calendly|ghl|highlevel", words_of(each.name))
    ]
    if shaped_columns(table, ValueShape.EMAIL) or not (tokens or named):
        return 0
    return 4 * tokens + len(named) + 3 * bool(_WORKSPACE_NAMES.search(words_of(table.name)))


def lead_score(table: SurveyedTable, workspace: SurveyedTable | None) -> int:
    """Return how much a table looks like one of leads."""
    return 0 if workspace is None or owner_column(table, workspace) is None else ownerless_lead_score(table)


def ownerless_lead_score(table: SurveyedTable) -> int:
    """Return the same, whether or not a column names the workspace."""
    bookings = len(booking_columns(table))
    has_email = bool(shaped_columns(table, ValueShape.EMAIL) or first_named(table.columns.values(), r"e-?mail"))
    if not has_email and not bookings:
        return 0
    return 2 * has_email + 3 * bookings + 3 * bool(_LEAD_NAMES.search(words_of(table.name)))


def is_called_appointment(table: SurveyedTable) -> bool:
    """Return whether a table is named for appointments rather than for leads."""
    name = words_of(table.name)
    return bool(re.search(BOOKING, name)) and not _LEAD_NAMES.search(name)


def appointment_score(table: SurveyedTable, lead: SurveyedTable) -> int:
    """Return how much a table looks like one of appointments of *lead*."""
    is_its = not lead.names.isdisjoint(table.references.values())
    return 2 + bool(re.search(BOOKING, words_of(table.name))) if is_its and booking_columns(table) else 0


def owner_column(table: SurveyedTable, workspace: SurveyedTable) -> SurveyedColumn | None:
    """Return the column that names the workspace: by a foreign key, or in a view by its name."""
    for column, target in table.references.items():
        if target in workspace.names:
            return table.columns[column]
    if not table.is_view:
        return None
    key = words_of(workspace.name).rstrip("s")
    return first_named(table.columns.values(), rf"^{key}s?-id$", r"^(workspace|tenant|account)-id$")


def booking_columns(table: SurveyedTable) -> list[SurveyedColumn]:
    """Return the columns that hold ids of bookings."""
    found = shaped_columns(table, ValueShape.CALENDLY_EVENT)
    found += [
        each
        for each in shaped_columns(table, ValueShape.GHL_ID)
        if each not in found and not re.search(r"contact|location", words_of(each.name))
    ]
    return found
