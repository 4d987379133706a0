"""The row that keeps two runs off the same work."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claim on *name* by *holder*.

    Expiry is judged by the database's clock alone. *token* grows with each new holder: a write that shows an old one
    changes nothing.
    """

    name: str
    holder: str
    token: int
