"""How what is told is named outside: the semantic conventions' names as they are, our own below ``reconcile.``."""

from collections.abc import Mapping, Sequence
from functools import cache
from urllib.parse import urlsplit

from reconcile.ports import HttpAttempt

_CONVENTIONS = ("error.", "http.", "server.", "url.")
_FAILED_FROM = 400

Attribute = str | bool | int | float | Sequence[str]


@cache
def attribute_name(fact: str) -> str:
    """Return the attribute that holds this fact."""
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
    """Return what the semantic conventions say of an HTTP client's request."""
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
    """Return the status that failed the request, else the class of the failure; None for a sound answer.

    A 404 that decides the matter is sound.
    """
    if attempt.error_class is None:
        return "cancelled" if attempt.status is None else None
    has_failed_status = attempt.status is not None and attempt.status >= _FAILED_FROM
    return str(attempt.status) if has_failed_status else str(attempt.error_class)


@cache
def _server(origin: str) -> tuple[str, int]:
    parts = urlsplit(origin)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
