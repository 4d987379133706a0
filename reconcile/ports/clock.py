"""The clock of this machine, and that of the database."""

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The only source of time in a process; a test sets it."""

    def now(self) -> datetime:
        """Return the wall clock as an aware instant in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait for *duration* on the monotonic clock."""
        ...


class DatabaseClock(Protocol):
    """The database's clock: periods across runs, perhaps on two machines, are measured by it alone."""

    async def now(self) -> datetime:
        """Return the database's wall clock as an aware instant in UTC."""
        ...
