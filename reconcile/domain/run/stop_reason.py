"""Why a run ended early."""

from enum import StrEnum

LEASE_HELD = "lease_held"
"""``stopped`` in the report of a run that found its lease taken, and never began."""


class StopReason(StrEnum):
    """Why a run starts no new work; the value is the one in reports (``stopped``)."""

    DEADLINE = "deadline"
    """Most of its time budget is used; started work gets the rest."""
    SIGTERM = "sigterm"
    LEASE_LOST = "lease_lost"
    """Another run holds the lease now."""
    STORE_UNAVAILABLE = "store_unavailable"
    BREAKER = "breaker"
    """A provider's or the run's breaker is open."""
