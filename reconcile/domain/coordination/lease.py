"""A lease: the row that keeps two runs from the same work. ``LEASE_MARGIN`` in the use cases says how long it lasts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claim on *name* by *holder*.

    Only the database's clock decides its expiry. *token* increases with each new holder: a write with an older one
    changes nothing.
    """

    name: str
    holder: str
    token: int
