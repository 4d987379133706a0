"""One parsed line of a log."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line; *at* is None without a time, *checks* None without a number of checks.

    *has_level*: a known format says whether the line is an error; without it *is_error* is a guess. *is_continuation*:
    the line belongs to the record before it and counts with it. *is_cut*: the line is longer than is read.
    """

    text: str
    at: datetime | None = None
    is_error: bool = False
    has_level: bool = True
    is_continuation: bool = False
    checks: int | None = None
    errors: int | None = None
    is_cut: bool = False
