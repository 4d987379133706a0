"""GHL's contact search: validation, filters, two ways of paging."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import orjson

from reconcile.simulator.faults.effects import number_of, unknown_names
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.ghl import errors as ghl_errors
from reconcile.simulator.ghl.render import PHONE, around, contact_found, milliseconds, search_key
from reconcile.simulator.ghl.state import GhlState
from reconcile.simulator.records import GhlContact, Location
from reconcile.simulator.wire import Json, SimulatedResponse

_KNOWN_KEYS = frozenset({"locationId", "pageLimit", "page", "searchAfter", "filters", "sort", "query"})
_FIELDS: dict[str, Callable[[GhlContact], str]] = {
    "email": lambda contact: contact.email,
    "id": lambda contact: contact.id,
    "firstName": lambda contact: contact.first_name,
    "lastName": lambda contact: contact.last_name,
    "contactName": lambda contact: f"{contact.first_name} {contact.last_name}".strip(),
    "phone": lambda _: PHONE,
    "dateAdded": lambda contact: milliseconds(contact.added_at),
    "dateUpdated": lambda contact: milliseconds(contact.updated_at),
    "firstNameLowerCase": lambda contact: contact.first_name.lower(),
    "lastNameLowerCase": lambda contact: contact.last_name.lower(),
}
_OPERATORS: dict[str, Callable[[list[str], str], bool]] = {
    "eq": lambda values, wanted: wanted in values,
    "not_eq": lambda values, wanted: wanted not in values,
    "contains": lambda values, wanted: any(wanted in each for each in values),
    "not_contains": lambda values, wanted: all(wanted not in each for each in values),
    "exists": lambda values, _: any(values),
    "not_exists": lambda values, _: not any(values),
}
_LONGEST_PAGE = 500
_REACH_OF_PAGES = 10_000
_LONGEST_VALUE = 75


class _SearchRefusal(Exception):
    """The search is refused; carries GHL's response."""

    def __init__(self, status: int, *messages: str) -> None:
        super().__init__(*messages)
        self.status = status
        self.messages = list(messages)


def search(state: GhlState, location: Location, body: bytes, *, effects: Effects, now: datetime) -> SimulatedResponse:
    """Answer one search in the token's location."""
    try:
        wanted = _read(body, effects)
        if wanted["locationId"] != location.id:
            return ghl_errors.refusal(403, ghl_errors.WRONG_LOCATION, effects)
        found = _found(state, location, wanted, effects)
        lag = number_of(effects, FaultKind.SEARCH_LAG)
        if lag:
            found = [each for each in found if each.updated_at <= now - timedelta(seconds=lag)]
        page = _page(found, wanted, effects)
    except _SearchRefusal as refused:
        message = refused.messages if refused.status == 422 else refused.messages[0]  # noqa: PLR2004 - HTTP
        return ghl_errors.refusal(refused.status, message, effects)
    contacts = [contact_found(each, effects) for each in page]
    return SimulatedResponse(status=200, payload=around({"contacts": contacts, "total": len(found)}, effects))


def asked_email(body: bytes) -> str | None:
    """Return the address of an exact search by e-mail, which faults can select."""
    try:
        filters = orjson.loads(body)["filters"]
        return next((str(each["value"]) for each in filters if each["field"] == "email"), None)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _read(body: bytes, effects: Effects) -> Json:
    try:
        wanted = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise _SearchRefusal(400, "Unexpected token in JSON") from exc
    if not isinstance(wanted, dict):
        raise _SearchRefusal(400, "Unexpected token in JSON")
    faults = unknown_names(wanted, _KNOWN_KEYS, effects)
    if not isinstance(wanted.get("locationId"), str):
        faults.append("locationId must be a string")
    limit = wanted.get("pageLimit")
    if not isinstance(limit, int) or not 1 <= limit <= _LONGEST_PAGE:
        faults.append("pageLimit must be a number from 1 to 500")
    if not isinstance(wanted.get("filters", []), list):
        faults.append("filters must be an array")
    if faults:
        raise _SearchRefusal(422, *faults)
    for rule in wanted.get("filters", ()):
        _check(rule)
    _check_order(wanted)
    if "page" in wanted and "searchAfter" in wanted:
        raise _SearchRefusal(400, "page and searchAfter cannot be used together")
    return wanted


def _check_order(wanted: Json) -> None:
    """Refuse an invalid sort order or query text."""
    for rule in wanted.get("sort") or ():
        if not isinstance(rule, dict) or rule.get("field") not in _FIELDS:
            raise _SearchRefusal(422, "each value in sort must have a known field")
        if rule.get("direction", "asc") not in {"asc", "desc"}:
            raise _SearchRefusal(422, "direction must be asc or desc")
    if len(str(wanted.get("query") or "")) > _LONGEST_VALUE:
        raise _SearchRefusal(422, "query must be shorter than or equal to 75 characters")


def _found(state: GhlState, location: Location, wanted: Json, effects: Effects) -> Sequence[GhlContact]:
    filters: list[Json] = wanted.get("filters", [])
    candidates = state.contacts_of(location.id)
    match filters:
        case [{"field": "email", "operator": "eq", "value": str(email)}, *_]:
            candidates = state.contacts_by_email(location.id, email)
    text = str(wanted.get("query") or "").lower()
    kept = [
        each
        for each in candidates
        if all(_holds(rule, each, effects) for rule in filters) and (not text or text in _full_text(each))
    ]
    return _sorted(kept, wanted.get("sort") or ())


def _full_text(contact: GhlContact) -> str:
    """Return the texts that a query searches."""
    names = (contact.first_name, contact.last_name, contact.email, *contact.additional_emails, PHONE)
    return " ".join(names).lower()


def _sorted(found: list[GhlContact], rules: Sequence[Json]) -> Sequence[GhlContact]:
    """Return contacts in the requested order, and within it in cursor order."""
    found.sort(key=search_key)
    for rule in reversed(rules):
        found.sort(key=_FIELDS[rule["field"]], reverse=rule.get("direction") == "desc")
    return found


def _page(found: Sequence[GhlContact], wanted: Json, effects: Effects) -> Sequence[GhlContact]:
    limit: int = wanted["pageLimit"]
    if "searchAfter" in wanted:
        cursor = _cursor(wanted["searchAfter"])
        behind = next((i for i, each in enumerate(found, 1) if search_key(each) == cursor), None)
        if behind is None:
            return [each for each in found if search_key(each) > cursor][:limit]
        return found[behind : behind + limit]
    start = (int(wanted.get("page", 1)) - 1) * limit
    if start + limit > _REACH_OF_PAGES and effects.get(FaultKind.DEEP_PAGE) == "refuse":
        raise _SearchRefusal(400, "page * pageLimit must not exceed 10000, use searchAfter")
    return found[start : min(start + limit, _REACH_OF_PAGES)]


def _cursor(value: object) -> tuple[int, str]:
    match value:
        case [int(millis) | float(millis), str(contact_id)]:
            return int(millis), contact_id
        case [str(millis), str(contact_id)] if millis.isdigit():
            return int(millis), contact_id
    raise _SearchRefusal(422, "searchAfter must be an array of a number and an id")


def _check(rule: Json) -> None:
    """Refuse an invalid filter, even if there is no contact to apply it to."""
    match rule:
        case {"group": "OR" | "AND", "filters": list(parts)}:
            for part in parts:
                _check(part)
        case {"field": str(name), "operator": str(operator)}:
            if name not in _FIELDS:
                raise _SearchRefusal(400, f"Invalid field {name}")
            if operator not in {*_OPERATORS, "range"}:
                raise _SearchRefusal(422, f"operator {operator} is not known")
            if isinstance(rule.get("value"), str) and len(rule["value"]) > _LONGEST_VALUE:
                raise _SearchRefusal(422, "value must be shorter than or equal to 75 characters")
        case _:
            raise _SearchRefusal(422, "each value in filters must have field and operator")


def _holds(rule: Json, contact: GhlContact, effects: Effects) -> bool:
    if "group" in rule:
        some_or_all = any if rule["group"] == "OR" else all
        return some_or_all(_holds(each, contact, effects) for each in rule["filters"])
    values, value = _values(rule["field"], contact, effects), rule.get("value", "")
    if rule["operator"] == "range":
        return _is_in_range(values[0], value)
    if isinstance(value, list):
        return any(_holds({**rule, "value": each}, contact, effects) for each in value)
    wanted = str(value)
    if effects.get(FaultKind.SEARCH_CASE) != "sensitive":
        values, wanted = [each.lower() for each in values], wanted.lower()
    return _OPERATORS[rule["operator"]](values, wanted)


def _is_in_range(found: str, limits: object) -> bool:
    """Compare times as texts, because GHL writes them in one format."""
    bounds = limits if isinstance(limits, dict) else {}
    return (
        found >= str(bounds.get("gte", ""))
        and found > str(bounds.get("gt", ""))
        and ("lte" not in bounds or found <= str(bounds["lte"]))
        and ("lt" not in bounds or found < str(bounds["lt"]))
    )


def _values(name: str, contact: GhlContact, effects: Effects) -> list[str]:
    values = [_FIELDS[name](contact)]
    if name == "email" and effects.get(FaultKind.ADDITIONAL_EMAILS) != "off":
        values += contact.additional_emails
    return values
