"""What the use cases tell an operator's tools."""

from typing import Protocol


class Telemetry(Protocol):
    """What the use cases tell an operator's tools, event by event. No personal data passes here."""

    def event(self, name: str, **facts: object) -> None:
        """Note one thing that happened: *name* is fixed text (``breaker.moved``), facts stand beside it."""
        ...

    def warning(self, name: str, **facts: object) -> None:
        """Note a trouble that the run survives."""
        ...
