"""The database's clock."""

from datetime import datetime
from typing import Protocol


class Time(Protocol):
    """The database's clock: what lies between two runs, perhaps on two machines, is measured by it alone."""

    async def now(self) -> datetime:
        """Return the database's wall clock as an aware instant in UTC."""
        ...
