"""Why a run ended early."""

from enum import StrEnum


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
