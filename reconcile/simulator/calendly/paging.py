"""Calendly's paging: an opaque token that is valid only with the filters of its first page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

import orjson

from reconcile.simulator.calendly.errors import CalendlyRefusal, invalid
from reconcile.simulator.calendly.state import ORIGIN
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.wire import Json, Query

Record = TypeVar("Record")

_DEFAULT_COUNT = 20
_LARGEST_COUNT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list to be paged: its path, and the complete query."""

    path: str
    query: Query
    offset: int


def listing(path: str, query: Query, effects: Effects) -> Listing:
    """Parse the page token, and refuse one whose filters were not sent again."""
    token = query.get("page_token")
    if token is None:
        return Listing(path=path, query=query, offset=0)
    try:
        offset, filters = orjson.loads(urlsafe_b64decode(token))
    except ValueError as exc:
        raise CalendlyRefusal(invalid("page_token", "is invalid")) from exc
    if effects.get(FaultKind.PAGE_FILTERS, "required") == "required" and filters != _filters(query):
        raise CalendlyRefusal(invalid("page_token", "does not belong to these filters"))
    return Listing(path=path, query=filters, offset=offset)


def page(pages: Listing, records: Sequence[Record], *, body_of: Callable[[Record], Json], effects: Effects) -> Json:
    """Return one page of *records* with its pagination object."""
    count = _count(pages.query)
    selected = records[pages.offset : pages.offset + count]
    endless = FaultKind.ENDLESS_PAGES in effects
    next_token = previous_token = None
    if endless or pages.offset + count < len(records):
        next_token = _token(pages.offset if endless else pages.offset + count, pages.query)
    if pages.offset:
        previous_token = _token(max(0, pages.offset - count), pages.query)
    pagination: Json = {
        "count": len(selected),
        "next_page": _link(pages, next_token, effects),
        "previous_page": _link(pages, previous_token, effects),
        "next_page_token": next_token,
        "previous_page_token": previous_token,
    }
    match effects.get(FaultKind.PAGE_KEYS):
        case "legacy":
            pagination = {key: pagination[key] for key in ("count", "next_page")}
        case "null_token":
            pagination["next_page_token"] = None
    return {"collection": [body_of(each) for each in selected], "pagination": pagination}


def _count(query: Query) -> int:
    text = query.get("count", str(_DEFAULT_COUNT))
    if not text.isdigit() or not 1 <= int(text) <= _LARGEST_COUNT:
        raise CalendlyRefusal(invalid("count", "must be between 1 and 100"))
    return int(text)


def _filters(query: Query) -> dict[str, str]:
    return {name: value for name, value in sorted(query.items()) if name != "page_token"}


def _token(offset: int, query: Query) -> str:
    return urlsafe_b64encode(orjson.dumps([offset, _filters(query)])).decode()


def _link(pages: Listing, token: str | None, effects: Effects) -> str | None:
    if token is None:
        return None
    origin = effects.get(FaultKind.NEXT_PAGE_ORIGIN, ORIGIN)
    return f"{origin}{pages.path}?{urlencode({**_filters(pages.query), 'page_token': token})}"
