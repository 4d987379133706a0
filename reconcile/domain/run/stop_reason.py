"""Why a run ended early."""

from enum import StrEnum


class StopReason(StrEnum):
    """Why a run takes no new work; the value is the one in reports (``stopped``)."""

    DEADLINE = "deadline"
    """Most of its time is used: what was begun gets the rest."""
    SIGTERM = "sigterm"
    LEASE_LOST = "lease_lost"
    """Another run has taken over."""
    STORE_UNAVAILABLE = "store_unavailable"
    BREAKER = "breaker"
    """A provider's or the run's breaker is open."""
