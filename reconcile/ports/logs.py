"""Sources of other programs' logs."""

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from reconcile.domain.verification.log_entry import LogEntry


class LogSource(Protocol):
    """One log that can be read from its start."""

    def entries(self) -> Iterator[LogEntry]:
        """Yield its lines; raise InputUnreadable or LogsUnavailable."""
        ...


class Entries(Protocol):
    """Reads a stream of bytes as a log; *name* is its name in errors."""

    def __call__(self, stream: BinaryIO, *, name: str) -> Iterator[LogEntry]: ...
