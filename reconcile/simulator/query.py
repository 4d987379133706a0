"""Parses a path and a query string."""

from urllib.parse import parse_qsl, unquote

import orjson

from reconcile.simulator.wire import Query


def segments(path: str) -> list[str]:
    """Return the decoded parts of a path; a trailing slash leaves an empty last part, as it is another path."""
    parts = path.split("/")[1:]
    return [unquote(part) for part in parts] if "%" in path else parts


def parse_query(text: str) -> Query:
    """Return the parameters of a query string; of a repeated one the last counts."""
    return dict(parse_qsl(text, keep_blank_values=True)) if text else {}


def filters_in_body(body: bytes) -> Query:
    """Return the filters that a client sends as the JSON body of a GET; none for any other body."""
    try:
        found = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
