"""Which connections of the page's server are to be closed: slow ones, and the oldest where there are too many."""

import resource
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Connection = TypeVar("Connection")

WAIT = 10.0
"""Seconds in which a connection must send a whole request, its first or its next."""
REQUEST = 120.0
"""Seconds in which an answer must be made and read."""
MOST = 100
"""Connections at once, or half of the files that the process may open."""


def most_connections() -> int:
    """Return how many connections may be open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(1, min(MOST, soft // 2))


@dataclass(slots=True)
class ConnectionLimits(Generic[Connection]):
    """Remembers since when each connection waits for a request or is answered; instants are monotonic, in seconds."""

    most: int = MOST
    _waiting: dict[Connection, float] = field(default_factory=dict)
    _answered: dict[Connection, float] = field(default_factory=dict)

    def begin(self, connection: Connection, now: float) -> None:
        """Note that a whole request has come."""
        self._waiting.pop(connection, None)
        self._answered[connection] = now

    def end(self, connection: Connection, now: float) -> None:
        """Note that it was answered."""
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
