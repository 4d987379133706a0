"""Parses Calendly's responses: one pure function for each kind of decoded body."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from reconcile.domain.evidence.booking_reference import CalendlyReference
from reconcile.domain.ids import Operation, ProviderName
from reconcile.errors import ContractFault
from reconcile.providers import fields
from reconcile.providers.fields import JsonBody
from reconcile.providers.http.call import Reply

_USER = re.compile(r"(?:(?:[a-z]+://[^/?#\s]+)?/?users/)?(?P<id>[A-Za-z0-9_-]{1,64})/?", re.ASCII)
_ORGANIZATION = re.compile(r"(?:[a-z]+://[^/?#\s]+)?/?organizations/(?P<id>[A-Za-z0-9_-]{1,64})/?", re.ASCII)
_ACTIVE, _CANCELED = "active", "canceled"
_SPELLINGS = {"cancelled": _CANCELED}
_LONGEST_TOKEN = 4096
_NOT_FOUND = 404
_NO_RESOURCE = "resource not found"

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A scheduled event: its times, and whether it was canceled for all invitees.

    *places* is the number of invitees ever, *taken* of those still active; None if the response has no number.
    """

    id: str
    status: str
    starts_at: datetime
    ends_at: datetime | None
    canceled_at: datetime | None
    updated_at: datetime | None = None
    places: int | None = None
    taken: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitee:
    """One person's booking of an event; *successor* is the booking that it was rescheduled to."""

    reference: CalendlyReference
    email: str | None
    status: str
    rescheduled: bool
    predecessor: CalendlyReference | None
    successor: CalendlyReference | None
    no_show: bool
    canceled_at: datetime | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """A page of a list; *token* requests the next page, None after the last. *faults* are of unreadable records."""

    items: tuple[Item, ...]
    token: str | None
    faults: tuple[ContractFault, ...] = ()


def read_event(content: object) -> Event:
    """Read one event."""
    body = _body(content, Operation.SCHEDULED_EVENT, "Calendly event")
    return _event(body, _resource(body))


def read_events(content: object) -> Page[Event]:
    """Read one page of events, with a fault for each broken one; raises ContractFault if all are broken."""
    body = _body(content, Operation.SCHEDULED_EVENTS, "Calendly events")
    items, faults = body.read_each(_collection(body), lambda raw: _event(body, raw), of="collection")
    return Page(items=tuple(items), token=_token(body), faults=tuple(faults))


def read_invitee(content: object) -> Invitee:
    """Read one invitee."""
    body = _body(content, Operation.INVITEE, "Calendly invitee")
    return _invitee(body, _resource(body))


def read_invitees(content: object) -> Page[Invitee]:
    """Read one page of an event's invitees."""
    return _page(_body(content, Operation.INVITEES, "Calendly invitees"), _invitee)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The token's user, and the user's organization."""

    user_id: str
    organization_id: str | None


def read_owner(content: object) -> Owner:
    """Read the token's user."""
    body = _body(content, Operation.CURRENT_USER, "Calendly user")
    resource = _resource(body)
    found = user_id(fields.text(resource.get("uri")))
    if found is None:
        raise body.missing("URI")
    organization = _ORGANIZATION.fullmatch(fields.text(resource.get("current_organization")) or "")
    return Owner(user_id=found, organization_id=organization["id"] if organization else None)


def user_id(account: str | None) -> str | None:
    """Return the id from a user's URI (on any host), path or bare id; None if there is none."""
    match = _USER.fullmatch(account.strip()) if account else None
    return match["id"] if match else None


def is_active(item: Event | Invitee) -> bool:
    """Return whether its status is ``active``."""
    return item.status == _ACTIVE


def is_canceled(item: Event | Invitee) -> bool:
    """Return whether its status is ``canceled``."""
    return item.status == _CANCELED


def is_missing(reply: Reply) -> bool:
    """Return whether a reply says that the requested resource does not exist.

    Calendly's API reference has this title for each single resource. Any other 404 may come from a gateway.
    """
    if reply.status != _NOT_FOUND or not isinstance(reply.body, Mapping):
        return False
    title = fields.text(reply.body.get("title")) or ""
    return title.strip().lower() == _NO_RESOURCE and fields.text(reply.message) is not None


def _body(content: object, operation: Operation, noun: str) -> JsonBody:
    return JsonBody(content, ProviderName.CALENDLY, operation, noun)


def _resource(body: JsonBody) -> Mapping[str, Any]:
    resource = body.mapping().get("resource")
    if not isinstance(resource, Mapping):
        raise body.missing("resource")
    return resource


def _collection(body: JsonBody) -> list[object]:
    listed = body.mapping().get("collection")
    if not isinstance(listed, list):
        raise body.missing("collection")
    return listed


def _page(body: JsonBody, read: Callable[[JsonBody, Mapping[str, Any]], Item]) -> Page[Item]:
    items = tuple(read(body, each) for each in body.items("collection"))
    return Page(items=items, token=_token(body))


def _token(body: JsonBody) -> str | None:
    """Return the token; older responses have it only in the next page's URL, which itself is never requested."""
    pagination = body.mapping().get("pagination")
    if not isinstance(pagination, Mapping):
        raise body.missing("pagination")
    token = pagination.get("next_page_token")
    if token is None:
        url = pagination.get("next_page")
        if url is None:
            return None
        token = _token_in(url)
    readable = fields.text(token)
    if readable is None or len(readable) > _LONGEST_TOKEN:
        raise body.unreadable("next page")
    return readable


def _token_in(url: object) -> str | None:
    try:
        return parse_qs(urlsplit(url).query).get("page_token", [None])[0] if isinstance(url, str) else None
    except ValueError:
        return None


def _event(body: JsonBody, raw: Mapping[str, Any]) -> Event:
    reference = _reference(raw.get("uri"))
    if reference is None:
        raise body.missing("URI")
    status = _status(body, raw)
    counter = raw.get("invitees_counter")
    counts = counter if isinstance(counter, Mapping) else {}
    starts_at, ends_at = body.span(raw, "start_time", "end_time")
    return Event(
        id=reference.event,
        status=status,
        starts_at=starts_at,
        ends_at=ends_at,
        canceled_at=_canceled_at(body, raw) if status == _CANCELED else None,
        updated_at=body.optional_instant(raw, "updated_at", called="update time"),
        places=_count(counts.get("total")),
        taken=_count(counts.get("active")),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _invitee(body: JsonBody, raw: Mapping[str, Any]) -> Invitee:
    reference = _reference(raw.get("uri"))
    if reference is None or reference.invitee is None:
        raise body.missing("URI")
    status = _status(body, raw)
    email = fields.text(raw.get("email"))
    return Invitee(
        reference=reference,
        email=email.strip().lower() if email else None,
        status=status,
        rescheduled=fields.is_true(raw.get("rescheduled")),
        predecessor=_invitee_reference(raw.get("old_invitee")),
        successor=_invitee_reference(raw.get("new_invitee")),
        no_show=isinstance(raw.get("no_show"), Mapping),
        canceled_at=_canceled_at(body, raw) if status == _CANCELED else None,
        created_at=body.optional_instant(raw, "created_at", called="creation time"),
    )


def _canceled_at(body: JsonBody, raw: Mapping[str, Any]) -> datetime | None:
    cancellation = raw.get("cancellation")
    if isinstance(cancellation, Mapping):
        found = body.optional_instant(cancellation, "created_at", called="cancellation time")
        if found is not None:
            return found
    return body.optional_instant(raw, "updated_at", called="update time")


def _status(body: JsonBody, raw: Mapping[str, Any]) -> str:
    word = fields.text(raw.get("status"))
    if word is None:
        raise body.missing("status")
    word = word.strip().lower()
    return _SPELLINGS.get(word, word)


def _reference(value: object) -> CalendlyReference | None:
    uri = fields.text(value)
    return CalendlyReference.parse(uri) if uri else None


def _invitee_reference(value: object) -> CalendlyReference | None:
    reference = _reference(value)
    return reference if reference and reference.invitee else None
