"""Which words of a column stand for which status or provider: by their names, or by what the column's comment says."""

import re
from collections.abc import Mapping, Sequence

from reconcile.domain.setup.draft import Certainty, MappingDraft, first_named, quoted, words_of
from reconcile.domain.setup.survey import SurveyedColumn, SurveyedTable, SurveyedType

_COMMENT_WORD = re.compile(r"(-?\d+)\s*[=:]?\s*([A-Za-z][\w-]*)")
_BOOKED = ("meeting-booked", "booked", "meeting booked", "appointment-booked", "scheduled")
_QUALIFIED = ("qualified", "sql", "mql")
_KEPT = ("customer", "won", "lost", "closed", "converted", "do-not-contact", "dnc", "unsubscribed", "churned", "dead")
_STATES: Mapping[str, tuple[str, ...]] = {
    "confirmed": ("confirmed", "scheduled", "booked", "active"),
    "canceled": ("canceled", "cancelled", "called-off"),
    "rescheduled": ("rescheduled", "moved"),
    "showed": ("showed", "completed", "attended", "held", "done"),
    "no_show": ("no-show", "noshow", "missed"),
}
PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "ghl": ("ghl", "gohighlevel", "highlevel", "go-high-level", "leadconnector"),
    "calendly": ("calendly",),
}


def word_meanings(column: SurveyedColumn) -> dict[str, str]:
    """Return what each word of a column means in plain words: itself, or what the column's comment says of a number."""
    documented = {number: words_of(meaning) for number, meaning in _COMMENT_WORD.findall(column.comment)}
    return {**{word: words_of(word) for word in column.words}, **documented}


def _toml_word(column: SurveyedColumn, word: str) -> str:
    return word if column.type in {SurveyedType.INTEGER, SurveyedType.BOOLEAN} else quoted(word)


def _find(column: SurveyedColumn, synonyms: Sequence[str]) -> list[str]:
    meanings = word_meanings(column)
    return [
        _toml_word(column, word) for synonym in synonyms for word, meaning in meanings.items() if meaning == synonym
    ]


def word_counts(column: SurveyedColumn) -> str:
    return ", ".join(f"{word} ({count})" for word, count in sorted(column.words.items(), key=lambda each: -each[1]))


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"[{', '.join(words)}]"


def add_lead_status(made: MappingDraft, column: SurveyedColumn | None) -> None:
    if column is None:
        return
    made.column("lead", "status", column, f"values: {word_counts(column)}")
    if column.type is SurveyedType.BOOLEAN:
        made.add("lead.status", "meeting-booked", "true", "by the column's name")
        made.add("lead.status", "qualified", "false", "by the column's name")
        return
    for key, synonyms in (("meeting-booked", _BOOKED), ("qualified", _QUALIFIED)):
        if found := _find(column, synonyms):
            made.add("lead.status", key, _listed(found[:1]), "by its name")
        else:
            made.undecided("lead.status", key, f"which of {word_counts(column)}?")
    if kept := _find(column, _KEPT):
        made.add(
            "lead.status",
            "keep",
            f"[{', '.join(kept)}]",
            "a booking never replaces these; add those that no row has yet",
            Certainty.LIKELY,
        )


def add_state_words(made: MappingDraft, section: str, key: str, column: SurveyedColumn | None) -> None:
    if column is None:
        return
    made.column(section, key, column, f"values: {word_counts(column)}")
    place = f"{section}.{key}"
    if column.type is SurveyedType.BOOLEAN:
        is_off = bool(re.search("cancel", words_of(column.name)))
        for state, word in (("confirmed", not is_off), ("canceled", is_off)):
            made.add(place, state, str(word).lower(), "by the column's name")
        return
    for state, synonyms in _STATES.items():
        if found := _find(column, synonyms):
            made.add(place, state, _listed(found), "by its name")
        elif state in {"confirmed", "canceled"}:
            if column.type is SurveyedType.TEXT and _is_plain(column):
                made.add(place, state, quoted(state), "no row has it yet; the spelling of the others", Certainty.LIKELY)
            else:
                made.undecided(place, state, f"which of {word_counts(column)}?")


def _is_plain(column: SurveyedColumn) -> bool:
    """Return whether all words of a free text column are ours, so that ours may be written as well."""
    return bool(column.words) and all(word in _STATES for word in column.words)


def add_provider_column(made: MappingDraft, section: str, key: str, table: SurveyedTable) -> None:
    column = first_named(
        (each for each in table.columns.values() if each.words), r"provider", r"calendar$|calendar-type"
    )
    if column is not None and _provider_words(column):
        made.column(section, key, column, f"values: {word_counts(column)}")


def _provider_words(column: SurveyedColumn) -> dict[str, list[str]]:
    found = {provider: _find(column, synonyms) for provider, synonyms in PROVIDERS.items()}
    return found if all(found.values()) else {}


def add_providers(made: MappingDraft, tables: Sequence[SurveyedTable]) -> None:
    names = {each.value.strip('"') for each in made.choices if each.key in {"booking_provider", "provider"}}
    for table in tables:
        for column in table.columns.values():
            if column.name in names and (words := _provider_words(column)):
                for provider, found in words.items():
                    made.add("provider", provider, _listed(found), f"values of {column.name}")
                return
