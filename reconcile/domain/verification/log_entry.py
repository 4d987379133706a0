"""One line of some program's log, in our words."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line: *at* is None where it has no time, *checks* None where it does not tell of any.

    *has_level*: a known format says whether the line is an error; without it *is_error* is a guess. *is_continuation*:
    the line belongs to the record before it, and counts with that. *is_cut*: the line is longer than is read.
    """

    text: str
    at: datetime | None = None
    is_error: bool = False
    has_level: bool = True
    is_continuation: bool = False
    checks: int | None = None
    errors: int | None = None
    is_cut: bool = False
