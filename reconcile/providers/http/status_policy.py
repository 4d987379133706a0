"""The meaning of each HTTP status, as one table."""

from enum import StrEnum

_TRANSIENT = "command timed out"
"""GHL responds to a slow query with 401 and this message."""
_VERSION = "version header"
"""GHL responds with 401 to a missing or unknown Version as well; the token is not at fault."""


class ResponseClass(StrEnum):
    """The meaning of a response status."""

    ANSWERED = "answered"
    """The adapter interprets it: the requested resource, or a text that may say that it does not exist."""
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    CREDENTIAL = "credential"
    REJECTED = "rejected"


_REFUSALS = frozenset({401, 403})
"""Their message says whether the token, its scope or something else is at fault."""
_BY_STATUS = {
    400: ResponseClass.ANSWERED,
    401: ResponseClass.CREDENTIAL,
    403: ResponseClass.CREDENTIAL,
    404: ResponseClass.ANSWERED,
    # Timeout, too early, or (Calendly) a calendar that does not respond: the request is not at fault.
    408: ResponseClass.UNAVAILABLE,
    424: ResponseClass.UNAVAILABLE,
    425: ResponseClass.UNAVAILABLE,
    422: ResponseClass.ANSWERED,
    429: ResponseClass.RATE_LIMITED,
}
_BY_CLASS = {2: ResponseClass.ANSWERED, 5: ResponseClass.UNAVAILABLE}


def classify_status(status: int, message: str = "") -> ResponseClass:
    """Return the meaning of *status*; *message* is the text of a 401. Only ANSWERED can be decisive."""
    if status == 401:  # noqa: PLR2004 - the status that needs its message
        words = message.lower()
        if _TRANSIENT in words:
            return ResponseClass.UNAVAILABLE
        if _VERSION in words:
            return ResponseClass.ANSWERED
    return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, ResponseClass.REJECTED)


def has_words(status: int) -> bool:
    """Return whether the body of a response is read; error pages of broken servers are not."""
    return status in _REFUSALS or classify_status(status) is ResponseClass.ANSWERED
