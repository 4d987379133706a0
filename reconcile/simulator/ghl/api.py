"""GHL's operations: paths, permissions and responses."""

import re
from datetime import UTC, datetime, timedelta

from reconcile.simulator.faults.effects import refuses_unknown, unknown_names
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.ghl import errors as ghl_errors
from reconcile.simulator.ghl import render as ghl_render
from reconcile.simulator.ghl import search as ghl_search
from reconcile.simulator.query import parse_query, segments
from reconcile.simulator.records import Location
from reconcile.simulator.wire import ApiOperation, Query, Request, Route, SimulatedResponse
from reconcile.simulator.world import World

_DATED = frozenset({"2021-04-15", "2021-07-28", "2023-02-21"})
_NEWEST = "v3"
"""The only Version whose appointments have ``deleted``."""
_OCCURRENCE = re.compile(r"(?P<master>[A-Za-z0-9-]+)_[0-9]{12,13}_[0-9]+", re.ASCII)
_CALENDARS_QUERY = frozenset({"locationId", "groupId", "showDrafted"})
_CALENDAR_QUERY = frozenset({"locationId", "startTime", "endTime", "userId", "calendarId", "groupId"})


def route(request: Request) -> Route | None:  # noqa: PLR0911 - one return for each route
    """Return the operation of a method and a path, or None if GHL answers ``Cannot GET``."""
    match request.method, segments(request.path):
        case "GET", ["calendars", "events", "appointments", appointment_id]:
            return Route(operation=ApiOperation.GHL_APPOINTMENT, ids=(appointment_id,))
        case "GET", ["calendars", ""]:
            return Route(operation=ApiOperation.GHL_CALENDARS)
        case "GET", ["calendars", "events"]:
            return Route(operation=ApiOperation.GHL_CALENDAR_EVENTS)
        case "GET", ["contacts", contact_id, "appointments"]:
            return Route(operation=ApiOperation.GHL_CONTACT_APPOINTMENTS, ids=(contact_id,))
        case "POST", ["contacts", "search"]:
            return Route(operation=ApiOperation.GHL_CONTACT_SEARCH)
        case "GET", ["contacts", contact_id] if contact_id:
            return Route(operation=ApiOperation.GHL_CONTACT, ids=(contact_id,))
        case "GET", ["locations", location_id]:
            return Route(operation=ApiOperation.GHL_LOCATION, ids=(location_id,))
    return None


def version_refusal(request: Request, effects: Effects) -> SimulatedResponse | None:
    """Return GHL's response to a missing or unknown Version header."""
    version = request.headers.get("version")
    if version in _DATED or (version == _NEWEST and effects.get(FaultKind.VERSIONS) != "dated"):
        return None
    if version is None:
        return ghl_errors.refusal(401, "version header was not found.", effects)
    if effects.get(FaultKind.BAD_VERSION) == "400":
        return ghl_errors.refusal(400, f"Invalid API version segment '{version}' at position 0", effects)
    return ghl_errors.refusal(401, "version header is invalid", effects)


def answer(  # noqa: PLR0911 - one return for each operation
    world: World, where: Route, request: Request, *, owner: Location, effects: Effects
) -> SimulatedResponse:
    """Answer an authorized call, for the token's location."""
    query = parse_query(request.query_string)
    declares_deleted = request.headers.get("version") == _NEWEST
    match where.operation:
        case ApiOperation.GHL_CONTACT_SEARCH:
            return ghl_search.search(world.ghl, owner, request.body, effects=effects, now=world.now())
        case ApiOperation.GHL_CALENDARS:
            return _calendars(world, query, owner, effects)
        case ApiOperation.GHL_CALENDAR_EVENTS:
            return _calendar_events(world, query, owner, effects, declares_deleted=declares_deleted)
    if query and refuses_unknown(effects):
        return ghl_errors.unprocessable([f"property {name} should not exist" for name in query], effects)
    match where.operation:
        case ApiOperation.GHL_APPOINTMENT:
            return _appointment(world, where.ids[0], owner, effects, declares_deleted=declares_deleted)
        case ApiOperation.GHL_CONTACT_APPOINTMENTS | ApiOperation.GHL_CONTACT:
            return _contact(world, where, owner, effects)
        case _:
            return _location(where.ids[0], owner, effects)


def _appointment(
    world: World, appointment_id: str, owner: Location, effects: Effects, *, declares_deleted: bool
) -> SimulatedResponse:
    """Answer with one appointment, or with one meeting of a recurring one."""
    known = world.ghl.appointments
    occurrence = _OCCURRENCE.fullmatch(appointment_id)
    record = known.get(appointment_id) or (known.get(occurrence["master"]) if occurrence else None)
    if record is None:
        return ghl_errors.unknown_id(ApiOperation.GHL_APPOINTMENT, appointment_id, effects)
    if record.location_id != owner.id:
        return ghl_errors.refusal(403, ghl_errors.WRONG_LOCATION, effects)
    payload = ghl_render.single_appointment(record, owner, effects, declares_deleted=declares_deleted)
    return SimulatedResponse(status=200, payload=payload)


def _contact(world: World, where: Route, owner: Location, effects: Effects) -> SimulatedResponse:
    contact = world.ghl.contacts.get(where.ids[0])
    if contact is None:
        return ghl_errors.unknown_id(where.operation, where.ids[0], effects)
    if contact.location_id != owner.id:
        return ghl_errors.refusal(403, ghl_errors.WRONG_LOCATION, effects)
    if where.operation is ApiOperation.GHL_CONTACT:
        return SimulatedResponse(status=200, payload=ghl_render.single_contact(contact, owner, effects))
    records = world.ghl.appointments_of(contact.id)
    payload = ghl_render.listed_appointments(records, owner, effects, time_format="naive")
    return SimulatedResponse(status=200, payload=payload)


def _location(location_id: str, owner: Location, effects: Effects) -> SimulatedResponse:
    if location_id != owner.id:
        return ghl_errors.refusal(403, ghl_errors.WRONG_LOCATION, effects)
    return SimulatedResponse(status=200, payload=ghl_render.single_location(owner, effects))


def _calendars(world: World, query: Query, owner: Location, effects: Effects) -> SimulatedResponse:
    faults = unknown_names(query, _CALENDARS_QUERY, effects)
    if "locationId" not in query:
        faults.append("locationId must be a string")
    if faults:
        return ghl_errors.unprocessable(faults, effects)
    if query["locationId"] != owner.id:
        return ghl_errors.refusal(403, ghl_errors.WRONG_LOCATION, effects)
    calendar_ids = () if query.get("groupId") else world.ghl.calendars_of(owner.id)
    return SimulatedResponse(status=200, payload=ghl_render.listed_calendars(calendar_ids, owner, effects))


def _calendar_events(
    world: World, query: Query, owner: Location, effects: Effects, *, declares_deleted: bool
) -> SimulatedResponse:
    faults = unknown_names(query, _CALENDAR_QUERY, effects)
    faults += [f"{name} must be a number string" for name in ("startTime", "endTime") if not _is_millis(query, name)]
    if "locationId" not in query:
        faults.append("locationId must be a string")
    if not {"userId", "calendarId", "groupId"} & query.keys():
        faults.append("either of userId, calendarId or groupId is required")
    if faults:
        return ghl_errors.unprocessable(faults, effects)
    if query["locationId"] != owner.id:
        return ghl_errors.refusal(403, ghl_errors.WRONG_LOCATION, effects)
    start, end = (_instant(query[name]) for name in ("startTime", "endTime"))
    records = [
        each
        for each in world.ghl.appointments_in(owner.id)
        if start <= each.starts_at <= end
        and query.get("calendarId", each.calendar_id) == each.calendar_id
        and query.get("userId", each.user_id) == each.user_id
        and not query.get("groupId")
    ]
    payload = ghl_render.listed_appointments(
        records, owner, effects, time_format="iso", declares_deleted=declares_deleted
    )
    return SimulatedResponse(status=200, payload=payload)


def _is_millis(query: Query, name: str) -> bool:
    return query.get(name, "").isdigit()


def _instant(millis: str) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(millis))
