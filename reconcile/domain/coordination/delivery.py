"""When an unconfirmed follow-up is delivered again, and when it becomes a dead letter."""

from datetime import timedelta

MOST_ATTEMPTS = 20
"""About 15 hours: the pauses double from a minute up to an hour."""
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


def pause(attempts: int) -> timedelta:
    """Return how long a follow-up waits after a failure, *attempts* having failed before."""
    return min(_FIRST_PAUSE * float(2 ** min(max(attempts, 0), 16)), _LONGEST_PAUSE)


def is_last(attempts: int) -> bool:
    """Return whether a failure is the last one, after *attempts* earlier failures."""
    return attempts + 1 >= MOST_ATTEMPTS
