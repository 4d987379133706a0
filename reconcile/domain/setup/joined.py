"""Fields that another table holds: as expressions over the row, or by a view where no expression may stand."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from reconcile.domain.setup.draft import Certainty, MappingDraft, first_named, quoted_expression, words_of
from reconcile.domain.setup.identifier import identifier
from reconcile.domain.setup.survey import SurveyedTable, ValueShape
from reconcile.domain.setup.tables import is_called_appointment, owner_column, ownerless_lead_score, shaped_columns
from reconcile.domain.setup.word_choices import word_meanings

_SURELY_LEADS = 3
"""A table with e-mail addresses alone has less; its name says leads, or it holds ids of bookings."""


def rows_of(table: SurveyedTable, other: SurveyedTable, key: str, selected: str, also: str = "") -> str:
    """Return the question for the rows of *other* whose *key* names a row of *table*, in parentheses."""
    is_its = f"s.{identifier(key)} = {identifier(table.name)}.{identifier(table.primary[0])}"
    return f"({selected} FROM {other.sql_name} s WHERE {is_its}{also})"


def tables_with_one_row(table: SurveyedTable, others: Sequence[SurveyedTable]) -> Iterator[tuple[SurveyedTable, str]]:
    """Yield the tables that hold at most one row for each of *table*, with their foreign key."""
    for other in others if len(table.primary) == 1 else ():
        for key, target in other.references.items():
            if target in table.names and frozenset({key}) in other.unique:
                yield other, key


def add_zone(made: MappingDraft, table: SurveyedTable, others: Sequence[SurveyedTable]) -> None:
    """Propose the time zone from a table with one row for each workspace."""
    for other, key in tables_with_one_row(table, others):
        if zone := next(iter(shaped_columns(other, ValueShape.ZONE)), None):
            sql = rows_of(table, other, key, f"SELECT s.{identifier(zone.name)}")
            reason = f"IANA names, one row of {other.full_name} for each"
            made.add("workspace.columns", "timezone", quoted_expression(sql), reason)
            return


def add_email(made: MappingDraft, table: SurveyedTable, others: Sequence[SurveyedTable]) -> None:
    """Propose the e-mail address from a table that the lead's row names, or that has one row for each lead.

    Which of several rows counts, the catalog does not say.
    """
    found = {
        each.full_name: (each, columns[0]) for each in others if (columns := shaped_columns(each, ValueShape.EMAIL))
    }
    for key, target in table.references.items():
        if target in found and len(found[target][0].primary) == 1:
            other, email = found[target]
            is_its = f"s.{identifier(other.primary[0])} = {identifier(table.name)}.{identifier(key)}"
            sql = f"(SELECT s.{identifier(email.name)} FROM {other.sql_name} s WHERE {is_its})"  # noqa: S608 - names quoted
            made.add("lead.columns", "email", quoted_expression(sql), f"the row of {other.full_name} that {key} names")
            return
    for other, key in tables_with_one_row(table, [each for each, _ in found.values()]):
        sql = rows_of(table, other, key, f"SELECT s.{identifier(found[other.full_name][1].name)}")
        made.add("lead.columns", "email", quoted_expression(sql), f"one row of {other.full_name} for each")
        return
    for other, email in found.values() if len(table.primary) == 1 else ():
        for key, target in other.references.items():
            if target in table.names:
                sql = rows_of(table, other, key, f"SELECT s.{identifier(email.name)}", " ORDER BY … LIMIT 1")
                made.obstacles.append(
                    f"a lead of {table.full_name} may have several e-mail addresses in {other.full_name}, and nothing "
                    "says which one it books with; choose an order, and add to [lead.columns] "
                    f"email = {quoted_expression(sql)}"
                )
                return


def add_enrollment(made: MappingDraft, table: SurveyedTable, others: Sequence[SurveyedTable]) -> None:
    """Propose ``in_sequence`` from a table of enrollments in sequences."""
    for other in others:
        key = next((name for name, target in other.references.items() if target in table.names), None)
        if key is None or not re.search("sequence|enrol|cadence|drip", words_of(other.name)) or len(table.primary) != 1:
            continue
        state = first_named((each for each in other.columns.values() if each.words), r"(status|state|stage|phase)")
        word = (
            next((word for word, meaning in word_meanings(state).items() if meaning in {"active", "running"}), None)
            if state
            else None
        )
        if state is not None and word is not None:
            spelled = word.replace("'", "''")
            sql = "EXISTS " + rows_of(table, other, key, "SELECT 1", f" AND s.{identifier(state.name)} = '{spelled}'")
            made.add(
                "lead.columns", "in_sequence", quoted_expression(sql), f"rows of {other.full_name}", Certainty.LIKELY
            )
            return


def with_base(view: SurveyedTable, tables: Sequence[SurveyedTable]) -> SurveyedTable:
    """Return a view with the primary key of the table that it stands for: the only one with so many of its columns."""
    inside = [each for each in tables if each.full_name in view.reads and each.columns.keys() <= view.columns.keys()]
    ranked = sorted(inside, key=lambda each: len(each.columns), reverse=True)
    if not ranked or (len(ranked) > 1 and len(ranked[0].columns) == len(ranked[1].columns)):
        return view
    return replace(view, stands_for=ranked[0].full_name, primary=ranked[0].primary)


def views_of_leads(
    tables: Sequence[SurveyedTable], workspace: SurveyedTable
) -> tuple[SurveyedTable, Sequence[str]] | None:
    """Return the best table of leads that names its workspace by way of another table only, with a view for each way.

    A view reads one table, so PostgreSQL lets a run lock and update its rows without a trigger.
    """
    by_name = {each.full_name: each for each in tables}
    ranked = sorted(tables, key=lambda each: (-ownerless_lead_score(each), each.full_name))
    for table in ranked:
        name = owner_name(table, workspace)
        is_fit = ownerless_lead_score(table) and not table.is_view and not is_called_appointment(table)
        if name is None or not is_fit or owner_column(table, workspace) is not None:
            continue
        ways = [
            (key, by_name[target], owner)
            for key, target in sorted(table.references.items())
            if target in by_name and target != table.full_name and len(by_name[target].primary) == 1
            for owner, named in sorted(by_name[target].references.items())
            if named == workspace.full_name
        ]
        if ways and not any(_are_leads_of(middle, table) for _, middle, _ in ways):
            return table, [_statement(table, *way, name) for way in ways]
    return None


def _are_leads_of(middle: SurveyedTable, table: SurveyedTable) -> bool:
    """Return whether *middle* looks like leads whose bookings are in *table*, rather than like users or branches."""
    emails = [bool(shaped_columns(each, ValueShape.EMAIL)) for each in (middle, table)]
    return ownerless_lead_score(middle) >= _SURELY_LEADS or emails == [True, False]


def owner_name(table: SurveyedTable, workspace: SurveyedTable) -> str | None:
    """Return a name for the view's column that names the workspace, by which ``owner_column`` finds it."""
    names = (f"{words_of(workspace.name).rstrip('s').replace('-', '_')}_id", "workspace_id")
    return next((each for each in names if each not in table.columns), None)


def _statement(table: SurveyedTable, key: str, middle: SurveyedTable, owner: str, name: str) -> str:
    view = identifier(f"{table.name}_with_workspace")
    schema = "" if table.schema == "public" else f"{identifier(table.schema)}."
    is_its = f"m.{identifier(middle.primary[0])} = l.{identifier(key)}"
    owned = f"(SELECT m.{identifier(owner)} FROM {middle.sql_name} m WHERE {is_its})"  # noqa: S608 - names quoted
    selected = f"SELECT l.*, {owned} AS {identifier(name)} FROM {table.sql_name} l"  # noqa: S608 - as above
    return f"CREATE VIEW {schema}{view} AS {selected}"
