"""Adds up the figures of a log line by line, in constant memory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reconcile.domain.verification.claim import Claim, Figures, Sightings
from reconcile.domain.verification.line_shape import line_shape
from reconcile.domain.verification.log_entry import LogEntry

MOST_UNITS = 200_000
"""Units of time with errors that are counted one by one; a rate by a longer unit needs fewer."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TooManyUnits(Exception):
    """The log spans too many units of time to count the errors of each."""


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
        self._units[(at - (self.claim.since or _EPOCH)) // rate.unit] += count
        if len(self._units) > MOST_UNITS:
            raise TooManyUnits

    @property
    def worst(self) -> int:
        """The highest number in one unit."""
        return max(self._units.values(), default=0)


@dataclass(slots=True)
class _LineCounts:
    """Counts of lines before, after, or on an unknown side of the claim's instant."""

    lines: int = 0
    checks: int = 0
    errors: int = 0
    unknown_levels: int = 0
    cut: int = 0
    has_report: bool = False
    example: str = ""
    found: list[int] = field(default_factory=list)

    def add(self, entry: LogEntry, found: Sequence[bool]) -> None:
        self.found = [a + b for a, b in zip(self.found or [0] * len(found), found, strict=True)]
        self.cut += entry.is_cut
        if entry.is_continuation:
            return
        self.lines += 1
        self.errors += _errors_of(entry)
        self.checks += entry.checks or 0
        self.has_report = self.has_report or entry.checks is not None
        if not entry.has_level:
            self.unknown_levels += 1
            self.example = self.example or line_shape(entry.text)

    def merge(self, other: "_LineCounts") -> None:
        self.found = [a + b for a, b in zip(self.found or [0] * len(other.found), other.found, strict=True)]
        self.lines += other.lines
        self.checks += other.checks
        self.errors += other.errors
        self.unknown_levels += other.unknown_levels
        self.cut += other.cut
        self.has_report = self.has_report or other.has_report
        self.example = self.example or other.example


@dataclass(slots=True, kw_only=True)
class LogTally:
    """The figures of one log under one claim.

    If lines hold numbers of checks, as a run's report does, these are the checks; otherwise each line is one. Errors
    are those in reports and those of all other lines. A line without a time was written between the times before and
    after it: it counts if both are on one side of the claim's instant, and is undated otherwise.
    """

    claim: Claim
    sightings: list[Sightings] = field(default_factory=list)
    _before: _LineCounts = field(default_factory=_LineCounts)
    _since: _LineCounts = field(default_factory=_LineCounts)
    _undated: _LineCounts = field(default_factory=_LineCounts)
    _pending: _LineCounts | None = None
    _last: datetime | None = None
    _earliest: datetime | None = None
    _latest: datetime | None = None
    _broken_lines: Counter[int] = field(default_factory=Counter)
    _broken_checks: Counter[int] = field(default_factory=Counter)
    _by_unit: ErrorsByUnit = field(init=False)

    def __post_init__(self) -> None:
        self.sightings = [Sightings(text, expected) for text, expected in self.claim.signatures]
        self._by_unit = ErrorsByUnit(claim=self.claim)

    def add(self, entry: LogEntry) -> None:
        """Count one line; raise TooManyUnits."""
        found = [each.text in entry.text for each in self.sightings]
        if entry.at is None:
            self._pending = self._pending or _LineCounts()
            self._pending.add(entry, found)
            return
        if self._pending is not None:
            self._add_pending(self._pending, entry.at)
        self._last = entry.at
        self._earliest = min(self._earliest or entry.at, entry.at)
        if self._is_before(entry.at):
            self._before.add(entry, found)
            self._count_broken(0 if entry.is_continuation else 1, entry.checks or 0)
            return
        self._latest = max(self._latest or entry.at, entry.at)
        self._since.add(entry, found)
        if not entry.is_continuation:
            self._by_unit.add(entry.at, _errors_of(entry))
        for each, is_found in zip(self.sightings, found, strict=True):
            if is_found:
                each.add(entry.at)

    def figures(self, *, until: datetime | None = None) -> Figures:
        """Return the figures of the whole log until *until*, or until its last line if it is None."""
        if self._pending is not None:
            self._add_pending(self._pending, None)
        since, before, has_report = self._since, self._before, self._since.has_report
        broken = self._broken_checks if has_report else self._broken_lines
        for number, each in enumerate(self.sightings):
            each.count_before = before.found[number] if before.found else 0
            each.count_undated = self._undated.found[number] if self._undated.found else 0
            each.checks_before = broken[number]
        begin = self.claim.since or self._earliest
        return Figures(
            since=begin,
            until=max(filter(None, (until or self._latest, begin)), default=None),
            is_whole=self.claim.since is None,
            checks=since.checks if has_report else since.lines,
            errors=since.errors,
            worst_errors=self._by_unit.worst,
            checks_before=before.checks if has_report else before.lines,
            errors_before=before.errors,
            sightings=self.sightings,
            lines=since.lines,
            cut_lines=since.cut,
            undated_lines=self._undated.lines,
            undated_errors=self._undated.errors,
            unknown_levels=since.unknown_levels,
            level_example=since.example,
            checks_word="check" if has_report else "line",
        )

    def _add_pending(self, pending: _LineCounts, following: datetime | None) -> None:
        """Count lines without a time by the times around them."""
        self._pending = None
        around = [each for each in (self._last, following) if each is not None]
        sides = {self._is_before(each) for each in around}
        is_whole = self.claim.since is None
        if is_whole and not around:
            # Each line counts; the unit of time of its errors is unknown.
            self._since.merge(pending)
            self._undated.errors += pending.errors
            self._undated.lines += pending.lines
            for number, each in enumerate(self.sightings):
                each.count += pending.found[number]
        elif sides == {False} and (self._last is not None or is_whole):
            self._since.merge(pending)
            self._by_unit.add(around[0], pending.errors)
            for number, each in enumerate(self.sightings):
                if pending.found[number]:
                    each.add(around[0], pending.found[number])
        elif sides == {True} and following is not None:
            self._before.merge(pending)
            self._count_broken(pending.lines, pending.checks)
        else:
            self._undated.merge(pending)

    def _is_before(self, at: datetime) -> bool:
        return self.claim.since is not None and at < self.claim.since

    def _count_broken(self, lines: int, checks: int) -> None:
        """Count the checks between the first sighting of each text before the claim's instant, and that instant."""
        for number, count in enumerate(self._before.found):
            if count:
                self._broken_lines[number] += lines
                self._broken_checks[number] += checks


def _errors_of(entry: LogEntry) -> int:
    return max(entry.errors or 0, entry.is_error) if not entry.is_continuation else 0
