"""Fields that another table holds, as expressions over the row."""

import re
from collections.abc import Iterator, Sequence

from reconcile.domain.setup.draft import Certainty, MappingDraft, first_named, quoted_expression, words_of
from reconcile.domain.setup.identifier import identifier
from reconcile.domain.setup.survey import SurveyedTable, ValueShape
from reconcile.domain.setup.tables import shaped_columns
from reconcile.domain.setup.word_choices import word_meanings


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
