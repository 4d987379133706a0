"""The only source of time."""

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The only source of time; a test's clock moves only when the test moves it."""

    def now(self) -> datetime:
        """Return the wall clock as an aware instant in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait for *duration* on the monotonic clock."""
        ...
