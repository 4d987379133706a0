"""What an HTTP status means here: one table over every status there is."""

from enum import StrEnum

_TRANSIENT = "command timed out"
"""GHL answers a slow query with 401 and this message."""
_VERSION = "version header"
"""GHL answers a missing or unknown Version with 401 too: the request's fault, and not the token's."""


class ResponseClass(StrEnum):
    """What becomes of an answered request."""

    ANSWERED = "answered"
    """For the adapter to read: what was asked for, or words that may say that it does not exist."""
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    CREDENTIAL = "credential"
    REJECTED = "rejected"


_REFUSALS = frozenset({401, 403})
"""Their words say whether the token, its scope or something else is to blame."""
_BY_STATUS = {
    400: ResponseClass.ANSWERED,
    401: ResponseClass.CREDENTIAL,
    403: ResponseClass.CREDENTIAL,
    404: ResponseClass.ANSWERED,
    # Too slow, too early, or (Calendly) the calendar behind does not answer: none is the request's fault.
    408: ResponseClass.UNAVAILABLE,
    424: ResponseClass.UNAVAILABLE,
    425: ResponseClass.UNAVAILABLE,
    422: ResponseClass.ANSWERED,
    429: ResponseClass.RATE_LIMITED,
}
_BY_CLASS = {2: ResponseClass.ANSWERED, 5: ResponseClass.UNAVAILABLE}


def classify_status(status: int, message: str = "") -> ResponseClass:
    """Return what *status* means; *message* is what a 401 says. Nothing but ANSWERED can be decisive."""
    if status == 401:  # noqa: PLR2004 - the status that needs its message
        words = message.lower()
        if _TRANSIENT in words:
            return ResponseClass.UNAVAILABLE
        if _VERSION in words:
            return ResponseClass.ANSWERED
    return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, ResponseClass.REJECTED)


def has_words(status: int) -> bool:
    """Return whether the body of an answer is read; error pages of broken servers never are."""
    return status in _REFUSALS or classify_status(status) is ResponseClass.ANSWERED
