"""Decides whether a rollout fixed a failure: claim, observed figures, ruling. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.formatting import count_of, span


class RulingStatus(StrEnum):
    """A ruling; INCONCLUSIVE if too little was exercised."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class RulingReason(StrEnum):
    """Why: a closed set, for programs."""

    AS_CLAIMED = "as_claimed"
    STILL_SEEN = "still_seen"
    HALF_FIXED = "half_fixed"
    """Seen again, but in a clearly smaller share of the checks than before."""
    NOT_SEEN = "not_seen"
    RATE_TOO_HIGH = "rate_too_high"
    TOO_FEW_CHECKS = "too_few_checks"
    TOO_SHORT = "too_short"
    """Less time has passed than the rate's own unit."""
    CUT_LINES = "cut_lines"
    """Lines were longer than the part that is read, and the text may be in the rest."""
    UNDATED = "undated"
    """The text is in lines that may be from before or after the rollout."""
    LEVELS_UNKNOWN = "levels_unknown"
    """Too many lines have an unknown format, so errors cannot be told from other lines."""
    RUN_FAILED = "run_failed"
    UNVERIFIED = "unverified"
    UNANSWERED = "unanswered"
    """The source did not respond."""
    NOT_TRIED = "not_tried"
    ENDED = "ended"
    """SIGTERM ended the watch."""


class Expected(StrEnum):
    """The claim about a failure since the rollout."""

    GONE = "gone"
    PRESENT = "present"
    MAY_APPEAR = "may_appear"


_UNITS = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_RATE = re.compile(r"(\d{1,9})/(s|min|m|h|d)", re.ASCII)
MIN_CHECKS = 5
"""The default number of checks that a verdict needs."""
LEAST_KNOWN = 0.95
"""The share of lines that must have a known level for a claim on the error rate."""
_HALF_FIXED = 0.8
"""A failure is partly fixed if its share of checks is below this part of the share while it was broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most *count* errors in each *unit* of time."""

    count: int
    unit: timedelta

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read ``5/min``; raise ValueError with a clause that begins with "must"."""
        match = _RATE.fullmatch(text.strip())
        if match is None:
            raise ValueError("must be a whole number of errors in a unit of time, like 5/min or 300/h")
        return cls(count=int(match[1]), unit=_UNITS[match[2]])

    def __str__(self) -> str:
        word = next(word for word, unit in _UNITS.items() if unit == self.unit)
        return f"{self.count}/{word}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim: *signatures* are texts, each with its expectation since *since*.

    *since* is None if the whole log is evaluated.
    """

    since: datetime | None
    signatures: Sequence[tuple[str, Expected]] = ()
    max_error_rate: Rate | None = None
    min_checks: int = MIN_CHECKS


@dataclass(slots=True)
class Sightings:
    """How often one text was seen, before the claim's instant and since."""

    text: str
    expected: Expected
    count: int = 0
    count_before: int = 0
    count_undated: int = 0
    """Occurrences in lines that may be from before or after the claim's instant."""
    checks_before: int = 0
    """Checks from its first occurrence to the claim's instant, the time in which it failed."""
    first_at: datetime | None = None
    last_at: datetime | None = None
    seen_in: list[str] = field(default_factory=list)
    """Versions of the program, if known."""

    def add(self, at: datetime, count: int = 1) -> None:
        """Note that it was seen since."""
        self.count += count
        self.first_at = min(self.first_at or at, at)
        self.last_at = max(self.last_at or at, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The observed figures; *before* are those from before the claim's instant, if known.

    *worst_errors* is the highest number of errors in one unit of the claimed rate. *since* and *until* are None if no
    time is known. *unknown_levels* of *lines* have no known level; *level_example* is the shape of one.
    """

    since: datetime | None
    until: datetime | None
    is_whole: bool = False
    """No instant was given, so everything counts."""
    checks: int = 0
    errors: int = 0
    worst_errors: int = 0
    checks_before: int = 0
    errors_before: int = 0
    sightings: Sequence[Sightings] = ()
    lines: int = 0
    cut_lines: int = 0
    undated_lines: int = 0
    undated_errors: int = 0
    unknown_levels: int = 0
    level_example: str = ""
    checks_word: str = "check"
    """The noun for one check: a line, in a log without checks."""

    @property
    def checks_text(self) -> str:
        """The checks since, in words."""
        return count_of(self.checks, self.checks_word)

    @property
    def duration(self) -> timedelta:
        """The length of the observed time, if known."""
        return timedelta(0) if self.since is None or self.until is None else self.until - self.since

    @property
    def errors_per_minute(self) -> float:
        """Errors over the whole time since."""
        return _per_minute(self.errors, self.duration)

    @property
    def when(self) -> str:
        """The suffix of a count: since the claim's instant, if there is one."""
        return "" if self.is_whole else " since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A verdict with its reason as a sentence; *is_final* where waiting longer cannot change it."""

    word: RulingStatus
    why: RulingReason
    text: str
    figures: Figures | None = None
    is_final: bool = False


def judge(claim: Claim, seen: Figures) -> Ruling:
    """Compare the observed figures with the claim; an observed failure outweighs missing checks."""
    ruling = _evaluate(claim, seen)
    if not seen.is_whole:
        return ruling
    return replace(ruling, text=f"{ruling.text}; the whole log was judged, as no --since is given")


def _evaluate(claim: Claim, seen: Figures) -> Ruling:
    for each in seen.sightings:
        if each.expected is Expected.GONE and each.count:
            return _failed_ruling(each, seen)
    rate = claim.max_error_rate
    if rate is not None and seen.worst_errors > rate.count:
        text = f"up to {count_of(seen.worst_errors, 'error')} in {span(rate.unit)}{seen.when}, where {rate} is the most"
        return Ruling(word=RulingStatus.FAIL, why=RulingReason.RATE_TOO_HIGH, text=text, figures=seen, is_final=True)
    doubt = _doubt(claim, seen)
    if doubt is not None:
        return Ruling(word=RulingStatus.INCONCLUSIVE, why=doubt[0], text=doubt[1], figures=seen)
    for each in seen.sightings:
        if each.expected is Expected.PRESENT and not each.count:
            text = f"“{each.text}” was not seen in {seen.checks_text}{seen.when}"
            return Ruling(word=RulingStatus.FAIL, why=RulingReason.NOT_SEEN, text=text, figures=seen)
    return Ruling(word=RulingStatus.PASS, why=RulingReason.AS_CLAIMED, text=_as_claimed(claim, seen), figures=seen)


def _failed_ruling(each: Sightings, seen: Figures) -> Ruling:
    share, before = _share(each.count, seen.checks), _share(each.count_before, each.checks_before)
    sentence = f"“{each.text}” was seen {_times(each.count)}{seen.when}, in {seen.checks_text}"
    if share is not None and before is not None and share < before * _HALF_FIXED:
        text = f"{sentence}: {share:.0%} of them, after {before:.0%} while it was broken; the fix does not reach all"
        return Ruling(word=RulingStatus.FAIL, why=RulingReason.HALF_FIXED, text=text, figures=seen, is_final=True)
    return Ruling(word=RulingStatus.FAIL, why=RulingReason.STILL_SEEN, text=sentence, figures=seen, is_final=True)


def _doubt(claim: Claim, seen: Figures) -> tuple[RulingReason, str] | None:
    return _doubt_of_times(claim, seen) or _doubt_of_amount(claim, seen) or _doubt_of_lines(claim, seen)


def _doubt_of_times(claim: Claim, seen: Figures) -> tuple[RulingReason, str] | None:
    for each in seen.sightings:
        is_decisive = each.expected is Expected.GONE or (each.expected is Expected.PRESENT and not each.count)
        if each.count_undated and is_decisive:
            text = f"“{each.text}” was seen {_times(each.count_undated)} in lines without a time, which may be older"
            return RulingReason.UNDATED, text
    rate = claim.max_error_rate
    if rate is not None and seen.worst_errors + seen.undated_errors > rate.count:
        text = f"{count_of(seen.undated_errors, 'error')} in lines without a time, so the rate is unknown"
        return RulingReason.UNDATED, text
    return None


def _doubt_of_amount(claim: Claim, seen: Figures) -> tuple[RulingReason, str] | None:
    if seen.checks < claim.min_checks:
        text = f"only {seen.checks_text}{seen.when}, of {claim.min_checks} that are wanted"
        if seen.undated_lines and not seen.is_whole:
            text += f"; {count_of(seen.undated_lines, 'line')} without a time left out"
        return RulingReason.TOO_FEW_CHECKS, text
    rate = claim.max_error_rate
    if rate is not None and seen.duration < rate.unit:
        if seen.is_whole and seen.undated_lines and not seen.duration:
            return RulingReason.UNDATED, f"no line has a time, so a rate by {span(rate.unit)} is unknown"
        sentence = (
            f"the lines span only {span(seen.duration)}" if seen.is_whole else f"only {span(seen.duration)} have passed"
        )
        return RulingReason.TOO_SHORT, f"{sentence}{seen.when}, too little for a rate by {span(rate.unit)}"
    return None


def _doubt_of_lines(claim: Claim, seen: Figures) -> tuple[RulingReason, str] | None:
    if seen.cut_lines and any(expected is not Expected.MAY_APPEAR for _, expected in claim.signatures):
        return RulingReason.CUT_LINES, f"{count_of(seen.cut_lines, 'line')} too long to be read to the end"
    if claim.max_error_rate is not None and seen.unknown_levels > seen.lines * (1 - LEAST_KNOWN):
        return RulingReason.LEVELS_UNKNOWN, (
            f"{seen.unknown_levels} of {count_of(seen.lines, 'line')} have no level that is known, so that errors"
            f" cannot be counted; one looks like “{seen.level_example}”; docs/verify.md lists the known formats"
        )
    return None


def _as_claimed(claim: Claim, seen: Figures) -> str:
    parts = [f"{seen.checks_text}{seen.when}"]
    for each in seen.sightings:
        how = f"seen {_times(each.count)}" if each.count else "not seen"
        parts.append(f"“{each.text}” {how}" + (f", {_times(each.count_before)} before" if each.count_before else ""))
    if claim.max_error_rate is not None:
        unit = span(claim.max_error_rate.unit)
        parts.append(
            f"at most {count_of(seen.worst_errors, 'error')} in {unit}, where {claim.max_error_rate} is the most"
        )
    return "; ".join(parts)


def _share(count: int, checks: int) -> float | None:
    return min(1.0, count / checks) if count and checks else None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _per_minute(count: int, duration: timedelta) -> float:
    minutes = duration / timedelta(minutes=1)
    return round(count / minutes, 2) if minutes > 0 else 0.0
