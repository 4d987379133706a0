"""The lines of a proposed mapping: each choice with its reason and how sure it is.

What is not sure is written as ``?``, which no mapping accepts: a run is refused until somebody has decided.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from reconcile.domain.setup.survey import SurveyedColumn

UNDECIDED = "?"


class Certainty(StrEnum):
    """How sure a choice is."""

    SURE = "sure"
    LIKELY = "likely"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingChoice:
    """One line of the mapping: *value* is TOML, *reason* its comment."""

    section: str
    key: str
    value: str
    reason: str
    certainty: Certainty = Certainty.SURE


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingProposal:
    """The lines of a mapping, and what cannot be mapped, each with the way out.

    *views* are statements that have to be executed before a mapping can be proposed.
    """

    choices: tuple[MappingChoice, ...] = ()
    obstacles: tuple[str, ...] = ()
    views: tuple[str, ...] = ()

    @property
    def undecided(self) -> tuple[MappingChoice, ...]:
        """The choices that somebody has to make."""
        return tuple(each for each in self.choices if each.certainty is Certainty.UNDECIDED)


@dataclass(slots=True)
class MappingDraft:
    choices: list[MappingChoice] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)

    def add(self, section: str, key: str, value: str, reason: str, certainty: Certainty = Certainty.SURE) -> None:
        self.choices.append(MappingChoice(section=section, key=key, value=value, reason=reason, certainty=certainty))

    def column(self, section: str, key: str, column: SurveyedColumn | None, reason: str) -> None:
        if column is not None:
            self.add(f"{section}.columns", key, quoted(column.name), reason)

    def undecided(self, section: str, key: str, reason: str) -> None:
        self.add(section, key, quoted(UNDECIDED), reason, Certainty.UNDECIDED)


def quoted(text: str) -> str:
    """Return *text* as TOML."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words_of(name: str) -> str:
    """Return a name in lower case with its parts apart: ``bookingStartTime`` as ``booking-start-time``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\s]+", "-", name).lower()


def first_named(columns: Iterable[SurveyedColumn], *patterns: str) -> SurveyedColumn | None:
    """Return the first column whose name matches the first pattern that any does."""
    found = list(columns)
    for pattern in patterns:
        if match := next((each for each in found if re.search(pattern, words_of(each.name))), None):
            return match
    return None


def quoted_expression(sql: str) -> str:
    """Return *sql* as a source in TOML."""
    return f"{{ sql = {quoted(sql)} }}"
