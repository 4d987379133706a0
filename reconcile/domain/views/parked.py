"""One cause for which workspaces wait because of their own breaker."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedCause:
    """Breakers of workspaces that have the same cause: how many, since when, the next probe, and one of them."""

    cause: str
    count: int
    since: datetime | None
    next_probe_at: datetime | None
    example: str
