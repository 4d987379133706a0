"""Which column says whose booking counts where both providers show one."""

import re
import tomllib
from collections.abc import Mapping, Sequence

from reconcile.domain.setup.draft import Certainty, MappingDraft, quoted, quoted_expression, words_of
from reconcile.domain.setup.identifier import identifier
from reconcile.domain.setup.joined import rows_of, tables_with_one_row
from reconcile.domain.setup.survey import SurveyedColumn, SurveyedTable, SurveyedType
from reconcile.domain.setup.word_choices import PROVIDERS, word_counts, word_meanings

_PREFERRED = re.compile(r"prefer|primary|default|main|favou?rite")
_SUBJECT = re.compile(r"provider|calendar")
_NONE = frozenset({"", "none", "no", "any", "either", "both", "auto", "automatic"})
"""Words by which no provider is preferred."""
_TYPES = frozenset({SurveyedType.TEXT, SurveyedType.ENUM})


def add_preference(made: MappingDraft, table: SurveyedTable, others: Sequence[SurveyedTable]) -> None:
    """Propose ``provider_preference`` where workspaces have tokens of both providers.

    It is proposed only if one column says so by its name and all its words; any other column with providers' names is
    left to a person.
    """
    keys = {each.key for each in made.choices if each.section == "workspace.columns"}
    if "ghl_token" not in keys or keys.isdisjoint({"calendly_token", "calendly_user"}):
        return
    found = [
        (each, place, key)
        for place, key in ((table, None), *tables_with_one_row(table, others))
        for each in place.columns.values()
        if each.type in _TYPES and _SUBJECT.search(words_of(each.name)) and any(_meanings(each).values())
    ]
    clear = [each for each, *_ in found if _PREFERRED.search(words_of(each.name)) and not _unknown(each)]
    for column, place, key in found:
        source = _source(made, column, table, place, key)
        if clear == [column]:
            reason = f"whose booking counts, by its name; values: {word_counts(column)}"
            made.add("workspace.columns", "provider_preference", source, reason, Certainty.LIKELY)
        else:
            made.obstacles.append(
                f"{place.full_name}.{column.name} holds {word_counts(column)}; if it says whose booking counts where "
                f"both providers show one, add to [workspace.columns] provider_preference = {source}"
            )


def _meanings(column: SurveyedColumn) -> Mapping[str, str | None]:
    """Return the provider of each word."""
    return {
        word: next((name for name, synonyms in PROVIDERS.items() if meaning in synonyms), None)
        for word, meaning in word_meanings(column).items()
    }


def _unknown(column: SurveyedColumn) -> Sequence[str]:
    return [
        word
        for word, meaning in word_meanings(column).items()
        if meaning not in _NONE and _meanings(column)[word] is None
    ]


def _source(
    made: MappingDraft, column: SurveyedColumn, table: SurveyedTable, place: SurveyedTable, key: str | None
) -> str:
    """Return the column, or an expression that translates its words into those of ``[provider]``."""
    spelled = {
        each.key: [str(word) for word in _listed(tomllib.loads(f"x = {each.value}")["x"])]
        for each in made.choices
        if each.section == "provider"
    }
    meanings = _meanings(column)
    if key is None and all(name and word in spelled.get(name, [name]) for word, name in meanings.items()):
        return quoted(column.name)
    of = "s" if key is not None else identifier(table.name)
    cases = " ".join(
        f"WHEN {_literal(word)} THEN {_literal(spelled.get(name, [name])[0])}"
        for word, name in meanings.items()
        if name
    )
    sql = f"CASE {of}.{identifier(column.name)}::text {cases} END"
    return quoted_expression(sql if key is None else rows_of(table, place, key, f"SELECT {sql}"))


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def _literal(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
