"""Which connections of the page's server are closed: slow ones, and the oldest if there are too many."""

import resource
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Connection = TypeVar("Connection")

WAIT = 10.0
"""Seconds in which a connection must send a whole request."""
REQUEST = 120.0
"""Seconds in which a response must be built and read."""
MAX_CONNECTIONS = 100
"""Maximum number of connections, or half of the process's open-file limit."""


def most_connections() -> int:
    """Return the maximum number of connections."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(MAX_CONNECTIONS, soft // 2))


@dataclass(slots=True)
class ConnectionLimits(Generic[Connection]):
    """Tracks since when each connection waits for a request or for its response; times are monotonic, in seconds."""

    most: int = MAX_CONNECTIONS
    _waiting: dict[Connection, float] = field(default_factory=dict)
    _answered: dict[Connection, float] = field(default_factory=dict)

    def begin(self, connection: Connection, now: float) -> None:
        """Record that a whole request was received."""
        self._waiting.pop(connection, None)
        self._answered[connection] = now

    def end(self, connection: Connection, now: float) -> None:
        """Record that it was answered."""
        self._answered.pop(connection, None)
        self._waiting[connection] = now

    def overdue(self, connections: Collection[Connection], now: float) -> list[Connection]:
        """Return those of the open *connections* that are to be closed, and forget those that have ended."""
        for known in (self._waiting, self._answered):
            for gone in known.keys() - set(connections):
                del known[gone]
        for each in connections:
            if each not in self._answered:
                self._waiting.setdefault(each, now)
        found = [each for each, since in self._answered.items() if now - since > REQUEST]
        found += [each for each, since in self._waiting.items() if now - since > WAIT]
        kept = [each for each in sorted(self._waiting, key=self._waiting.__getitem__) if each not in found]
        excess = len(connections) - len(found) - self.most
        return found + kept[: max(0, excess)]
