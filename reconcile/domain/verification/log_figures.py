"""Adds up what a log says, line by line, in memory that does not grow with its length."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from reconcile.domain.verification.claim import Claim, Figures, Sightings
from reconcile.domain.verification.log_entry import LogEntry

MOST_UNITS = 200_000
"""Units of time with errors that are counted one by one; a rate by a longer unit needs fewer."""


class TooManyUnits(Exception):
    """The log spans so much time that the errors of each unit cannot be told apart."""


@dataclass(slots=True, kw_only=True)
class ErrorsByUnit:
    """Errors in each unit of the claimed rate since the claim's instant."""

    claim: Claim
    _units: Counter[int] = field(default_factory=Counter)

    def add(self, at: datetime, count: int) -> None:
        """Count errors at an instant; raise TooManyUnits."""
        rate = self.claim.max_error_rate
        if rate is None or not count:
            return
        self._units[(at - self.claim.since) // rate.unit] += count
        if len(self._units) > MOST_UNITS:
            raise TooManyUnits

    @property
    def worst(self) -> int:
        """The highest number in one unit."""
        return max(self._units.values(), default=0)


@dataclass(slots=True, kw_only=True)
class LogTally:
    """The figures of one log under one claim.

    Where lines tell of checks, as a run's report does, those are counted, and their errors; else each line is a check.
    """

    claim: Claim
    lines: int = 0
    line_errors: int = 0
    told_checks: int = 0
    told_errors: int = 0
    has_told: bool = False
    lines_before: int = 0
    line_errors_before: int = 0
    told_checks_before: int = 0
    told_errors_before: int = 0
    cut_lines: int = 0
    undated_lines: int = 0
    latest: datetime | None = None
    sightings: list[Sightings] = field(default_factory=list)
    _broken_lines: Counter[int] = field(default_factory=Counter)
    _broken_checks: Counter[int] = field(default_factory=Counter)
    _lines_by_unit: ErrorsByUnit = field(init=False)
    _told_by_unit: ErrorsByUnit = field(init=False)

    def __post_init__(self) -> None:
        self.sightings = [Sightings(text, expected) for text, expected in self.claim.signatures]
        self._lines_by_unit = ErrorsByUnit(claim=self.claim)
        self._told_by_unit = ErrorsByUnit(claim=self.claim)

    def add(self, entry: LogEntry) -> None:
        """Count one line; raise TooManyUnits."""
        at = entry.at
        if at is None:
            self.undated_lines += 1
            return
        if at < self.claim.since:
            self.lines_before += 1
            self.line_errors_before += entry.is_error
            self.told_checks_before += entry.checks or 0
            self.told_errors_before += entry.errors or 0
            for place, each in enumerate(self.sightings):
                each.count_before += each.text in entry.text
                if each.count_before:
                    self._broken_lines[place] += 1
                    self._broken_checks[place] += entry.checks or 0
            return
        self.latest = max(self.latest or at, at)
        self.lines += 1
        self.cut_lines += entry.is_cut
        self.line_errors += entry.is_error
        self._lines_by_unit.add(at, entry.is_error)
        if entry.checks is not None:
            self.has_told = True
            self.told_checks += entry.checks
            self.told_errors += entry.errors or 0
            self._told_by_unit.add(at, entry.errors or 0)
        for each in self.sightings:
            if each.text in entry.text:
                each.add(at)

    def figures(self, *, until: datetime) -> Figures:
        """Return what the log has told so far."""
        by_unit = self._told_by_unit if self.has_told else self._lines_by_unit
        broken = self._broken_checks if self.has_told else self._broken_lines
        for place, each in enumerate(self.sightings):
            each.checks_before = broken[place]
        return Figures(
            since=self.claim.since,
            until=max(until, self.claim.since),
            checks=self.told_checks if self.has_told else self.lines,
            errors=self.told_errors if self.has_told else self.line_errors,
            worst_errors=by_unit.worst,
            checks_before=self.told_checks_before if self.has_told else self.lines_before,
            errors_before=self.told_errors_before if self.has_told else self.line_errors_before,
            sightings=self.sightings,
            cut_lines=self.cut_lines,
            undated_lines=self.undated_lines,
            checks_word="check" if self.has_told else "line",
        )
