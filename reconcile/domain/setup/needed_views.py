"""Views that a database needs before a mapping can be proposed: of leads and of workspaces that two tables hold."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from reconcile.domain.setup.draft import MappingProposal, words_of
from reconcile.domain.setup.identifier import identifier
from reconcile.domain.setup.joined import tables_with_one_row
from reconcile.domain.setup.survey import SurveyedTable, ValueShape
from reconcile.domain.setup.tables import (
    best_table,
    is_called_appointment,
    lead_score,
    owner_column,
    ownerless_lead_score,
    shaped_columns,
    workspace_score,
)

_TOKENS = re.compile(r"token|location|calendly|ghl|highlevel")
_SURELY_LEADS = 3
"""A table with e-mail addresses alone has less; its name says leads, or it holds ids of bookings."""


def with_leads(tables: Sequence[SurveyedTable], workspace: SurveyedTable) -> tuple[SurveyedTable, SurveyedTable | None]:
    """Return the workspaces and their leads; a view that reads *workspace* replaces it if only that has leads."""
    views = [with_base(each, tables) for each in tables if workspace.full_name in each.reads and workspace_score(each)]
    for table in (workspace, *views):
        others = [each for each in tables if each.full_name not in table.names]
        lead = best_table(others, partial(lead_score, workspace=table))
        if lead is not None:
            return table, lead
    return workspace, None


def proposal_before_workspaces(tables: Sequence[SurveyedTable], tokens: SurveyedTable) -> MappingProposal:
    """Return the view of workspaces with their tokens that has to be created first, if one can be made."""
    if (found := view_of_workspaces(tables, tokens)) is None:
        return proposal_without("leads (an e-mail address and a workspace)")
    table, statement = found
    text = (
        f"{tokens.full_name} holds tokens, and leads name {table.full_name} instead; create the view below, which has "
        "both, and run `reconcile init` again"
    )
    return MappingProposal(obstacles=(text,), views=(statement,))


def proposal_without(missing: str) -> MappingProposal:
    return MappingProposal(obstacles=(f"no table looks like one of {missing}; write the mapping by hand",))


def proposal_before_leads(table: SurveyedTable, statements: Sequence[str], workspace: SurveyedTable) -> MappingProposal:
    """Return the view that has to be created first: a lead's workspace must be a column."""
    which = "the view below" if len(statements) == 1 else "one of the views below, of which each goes another way"
    text = (
        f"{table.full_name} looks like leads, but names its row of {workspace.full_name} only by way of another table; "
        f"create {which}, and run `reconcile init` again"
    )
    return MappingProposal(obstacles=(text,), views=tuple(statements))


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
            if named in workspace.names
        ]
        if ways and not any(_are_leads_of(middle, table) for _, middle, _ in ways):
            return table, [_statement(table, *way, name) for way in ways]
    return None


def _are_leads_of(middle: SurveyedTable, table: SurveyedTable) -> bool:
    """Return whether *middle* looks like leads whose bookings are in *table*, rather than like users or branches."""
    emails = [bool(shaped_columns(each, ValueShape.EMAIL)) for each in (middle, table)]
    return ownerless_lead_score(middle) >= _SURELY_LEADS or emails == [True, False]


def view_of_workspaces(tables: Sequence[SurveyedTable], tokens: SurveyedTable) -> tuple[SurveyedTable, str] | None:
    """Return the table of workspaces that *tokens* belongs to, one row for each, and a view of both.

    Workspaces are only read, so the view may join.
    """
    for table in tables:
        for other, key in tables_with_one_row(table, [tokens]):
            if not any(lead_score(each, table) for each in tables if each not in (table, tokens)):
                continue
            columns = [each for each in other.columns if each not in table.columns and _TOKENS.search(words_of(each))]
            selected = ", ".join(["w.*", *(f"s.{identifier(each)}" for each in columns)])
            is_its = f"s.{identifier(key)} = w.{identifier(table.primary[0])}"
            joined = f"FROM {table.sql_name} w LEFT JOIN {other.sql_name} s ON {is_its}"
            return table, f"CREATE VIEW {_view_name(table, 'tokens')} AS SELECT {selected} {joined}"
    return None


def owner_name(table: SurveyedTable, workspace: SurveyedTable) -> str | None:
    """Return a name for the view's column that names the workspace, by which ``owner_column`` finds it."""
    names = (f"{words_of(workspace.name).rstrip('s').replace('-', '_')}_id", "workspace_id")
    return next((each for each in names if each not in table.columns), None)


def _statement(table: SurveyedTable, key: str, middle: SurveyedTable, owner: str, name: str) -> str:
    is_its = f"m.{identifier(middle.primary[0])} = l.{identifier(key)}"
    owned = f"(SELECT m.{identifier(owner)} FROM {middle.sql_name} m WHERE {is_its})"  # noqa: S608 - names quoted
    selected = f"SELECT l.*, {owned} AS {identifier(name)} FROM {table.sql_name} l"  # noqa: S608 - as above
    return f"CREATE VIEW {_view_name(table, 'workspace')} AS {selected}"


def _view_name(table: SurveyedTable, added: str) -> str:
    schema = "" if table.schema == "public" else f"{identifier(table.schema)}."
    return f"{schema}{identifier(f'{table.name}_with_{added}')}"
