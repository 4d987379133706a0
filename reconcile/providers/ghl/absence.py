"""Decides whether an error response of GHL says that one named resource does not exist."""

import re
from collections.abc import Iterator, Mapping

from reconcile.providers.http.call import Reply

APPOINTMENT = frozenset({"appointment", "appointments", "event", "events"})
CONTACT = frozenset({"contact", "contacts"})
_STATUSES = frozenset({400, 404})
_MISSING = re.compile(
    r"not found|no such|no longer exists?|(?:does|do) ?n[o']t exist|(?:could|can) ?(?:no|n')t be found|not exist|"
    r"(?:was|has been|is|already) deleted"
)
_CALENDAR_EVENT = re.compile(r"calendar[ _-]events?")
_OTHERS = frozenset(
    {
        *("version", "header", "headers", "token", "jwt", "scope", "location", "company", "agency", "account", "user"),
        *("calendar", "calendars", "contact", "contacts", "workflow", "conversation", "group", "team", "service"),
        *("route", "path", "endpoint", "url", "api", "method", "host", "backend", "resource", "page", "server"),
    }
)
"""Other things that may be missing: a message with one of these words is about the request."""
_TEXTS = ("message", "error", "detail", "code", "msg")
_IDS = ("id", "eventId", "appointmentId", "contactId")


def says_not_found(reply: Reply, nouns: frozenset[str], resource_id: str) -> bool:
    """Return whether *reply* says that the requested resource, named by one of *nouns* or its id, does not exist.

    GHL does not document the response for a missing appointment, so the message must name it; a bare 404 may come from
    a route, a version or a gateway.
    """
    if reply.status not in _STATUSES or not isinstance(reply.body, Mapping):
        return False
    text = _CALENDAR_EVENT.sub("event", " ".join(_texts(reply)).lower())
    if "/" in text or _MISSING.search(text) is None:
        return False
    has_id = resource_id.lower() in text or any(reply.body.get(key) == resource_id for key in _IDS)
    words = set(re.findall(r"[a-z]+", text.replace(resource_id.lower(), " ")))
    return (has_id or bool(words & nouns)) and not words & (_OTHERS - nouns)


def _texts(reply: Reply) -> Iterator[str]:
    yield reply.message
    for key in _TEXTS:
        value = reply.body.get(key)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                yield each.replace("_", " ")
