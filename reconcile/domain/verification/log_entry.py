"""One line of some program's log, in our words."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line: *at* is None where it has no time, *checks* None where it does not tell of any.

    *is_cut*: the line is longer than what is read of one.
    """

    text: str
    at: datetime | None = None
    is_error: bool = False
    checks: int | None = None
    errors: int | None = None
    is_cut: bool = False
