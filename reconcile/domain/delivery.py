"""When a follow-up that was not confirmed is delivered again, and when it is given up."""

from datetime import timedelta

MOST_ATTEMPTS = 20
"""About 15 hours: the pauses double from a minute up to an hour."""
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


def pause(attempts: int) -> timedelta:
    """Return how long a follow-up waits after a failure, *attempts* having failed before."""
    return min(_FIRST_PAUSE * float(2 ** min(max(attempts, 0), 16)), _LONGEST_PAUSE)


def is_last(attempts: int) -> bool:
    """Tell whether a failure ends the attempts, *attempts* having failed before."""
    return attempts + 1 >= MOST_ATTEMPTS
