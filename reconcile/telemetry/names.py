"""Names of attributes: the semantic conventions' where they exist, others below ``reconcile.``."""

from collections.abc import Mapping, Sequence
from functools import cache
from urllib.parse import urlsplit

from reconcile.ports import HttpAttempt

_CONVENTIONS = ("error.", "http.", "server.", "url.")
_FAILED_FROM = 400

Attribute = str | bool | int | float | Sequence[str]


@cache
def attribute_name(fact: str) -> str:
    """Return the attribute name of this fact."""
    return fact if fact.startswith(_CONVENTIONS) else f"reconcile.{fact}"


def attributes(facts: Mapping[str, object]) -> dict[str, Attribute]:
    """Return *facts* as attributes, without those that are None."""
    return {attribute_name(name): _plain(value) for name, value in facts.items() if value is not None}


def _plain(value: object) -> Attribute:
    match value:
        case bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [str(each) for each in value]
        case _:
            return str(value)


def attempt_attributes(attempt: HttpAttempt) -> dict[str, Attribute]:
    """Return the attributes of an HTTP client's request by the semantic conventions."""
    host, port = _server(attempt.origin)
    found: dict[str, Attribute] = {
        "http.request.method": attempt.method,
        "url.template": attempt.url_template,
        "server.address": host,
        "server.port": port,
    }
    if attempt.status is not None:
        found["http.response.status_code"] = attempt.status
    error = error_type(attempt)
    if error is not None:
        found["error.type"] = error
    return found


def error_type(attempt: HttpAttempt) -> str | None:
    """Return the status that failed the request, else the class of the failure; None for a successful response.

    A 404 that answers the question is successful.
    """
    if attempt.error_class is None:
        return "cancelled" if attempt.status is None else None
    has_failed_status = attempt.status is not None and attempt.status >= _FAILED_FROM
    return str(attempt.status) if has_failed_status else str(attempt.error_class)


@cache
def _server(origin: str) -> tuple[str, int]:
    parts = urlsplit(origin)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
