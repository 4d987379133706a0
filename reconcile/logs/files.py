"""A log in a file, or on standard input."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconcile.domain.verification.log_entry import LogEntry
from reconcile.errors import InputUnreadable
from reconcile.logs.entries import entries

STDIN = "-"


@dataclass(frozen=True, slots=True)
class LogFile:
    """The port ``LogSource``: *path* is a file's, or ``-``."""

    path: str
    newest: datetime | None = None
    """The last instant that a time without a year can mean."""

    def entries(self) -> Iterator[LogEntry]:
        """Yield its lines; raise InputUnreadable."""
        if self.path == STDIN:
            yield from entries(sys.stdin.buffer, name="standard input", newest=self.newest)
            return
        try:
            with Path(self.path).open("rb") as stream:
                yield from entries(stream, name=self.path, newest=self.newest)
        except OSError as error:
            raise InputUnreadable(f"the log {self.path} cannot be read: {error.strerror}") from None
