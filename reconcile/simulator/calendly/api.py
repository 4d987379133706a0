"""Calendly's operations: paths, permissions and responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from reconcile.simulator.calendly import errors as calendly_errors
from reconcile.simulator.calendly import render as calendly_render
from reconcile.simulator.calendly.errors import CalendlyRefusal
from reconcile.simulator.calendly.paging import listing, page
from reconcile.simulator.faults.effects import refuses_unknown
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.query import filters_in_body, parse_query, segments
from reconcile.simulator.records import CalendlyEvent, CalendlyUser
from reconcile.simulator.wire import ApiOperation, Query, Request, Route, SimulatedResponse
from reconcile.simulator.world import World

_EVENT_QUERY = frozenset(
    {
        "user",
        "organization",
        "invitee_email",
        "status",
        "min_start_time",
        "max_start_time",
        "sort",
        "count",
        "page_token",
    }
)
_INVITEE_QUERY = frozenset({"status", "email", "sort", "count", "page_token"})


def route(request: Request) -> Route | None:  # noqa: PLR0911 - one return for each route
    """Return the operation of a method and a path, or None if Calendly has none."""
    match request.method, segments(request.path):
        case "GET", ["scheduled_events"]:
            return Route(operation=ApiOperation.CALENDLY_EVENTS)
        case "GET", ["scheduled_events", event_id]:
            return Route(operation=ApiOperation.CALENDLY_EVENT, ids=(event_id,))
        case "GET", ["scheduled_events", event_id, "invitees"]:
            return Route(operation=ApiOperation.CALENDLY_INVITEES, ids=(event_id,))
        case "GET", ["scheduled_events", event_id, "invitees", invitee_id]:
            return Route(operation=ApiOperation.CALENDLY_INVITEE, ids=(event_id, invitee_id))
        case "GET", ["invitee_no_shows", invitee_id]:
            return Route(operation=ApiOperation.CALENDLY_NO_SHOW, ids=(invitee_id,))
        case "GET", ["users", user_id]:
            return Route(operation=ApiOperation.CALENDLY_USER, ids=(user_id,))
    return None


def answer(  # noqa: PLR0911 - one return for each operation
    world: World, where: Route, request: Request, *, owner: CalendlyUser, effects: Effects
) -> SimulatedResponse:
    """Answer an authorized call, for the token's user."""
    desk = _Endpoints(world=world, owner=owner, effects=effects)
    query = parse_query(request.query_string) or filters_in_body(request.body)
    try:
        match where.operation:
            case ApiOperation.CALENDLY_EVENTS:
                return desk.events(request.path, query)
            case ApiOperation.CALENDLY_EVENT:
                return desk.event(where.ids[0])
            case ApiOperation.CALENDLY_INVITEES:
                return desk.invitees(request.path, where.ids[0], query)
            case ApiOperation.CALENDLY_INVITEE:
                return desk.invitee(*where.ids)
            case ApiOperation.CALENDLY_NO_SHOW:
                return desk.no_show(where.ids[0])
            case _:
                return desk.user(where.ids[0])
    except CalendlyRefusal as refused:
        return refused.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoints:
    """The six read operations, for one user and one set of effects."""

    world: World
    owner: CalendlyUser
    effects: Effects

    def events(self, path: str, query: Query) -> SimulatedResponse:
        self._check_names(query, _EVENT_QUERY)
        pages = listing(path, query, self.effects)
        query = pages.query
        state, user_ids = self.world.calendly, self._users(query)
        start, end = (_instant(query, name) for name in ("min_start_time", "max_start_time"))
        if "invitee_email" in query:
            candidates: Sequence[CalendlyEvent] = state.events_by_email(query["invitee_email"])
            candidates = [each for each in candidates if each.user_id in user_ids]
        else:
            candidates = state.events_of(user_ids)
        status = _one_of(query, "status", ("active", "canceled"))
        hides_all = self.effects.get(FaultKind.LIST_HIDES, "nothing") == "all"
        found = [
            each
            for each in candidates
            if not hides_all
            and (status is None or (each.cancellation is not None) == (status == "canceled"))
            and (start is None or each.starts_at >= start)
            and (end is None or each.starts_at < end)
        ]
        direction = _one_of(query, "sort", ("start_time:asc", "start_time:desc"))
        found.sort(key=lambda each: (each.starts_at, each.id), reverse=direction == "start_time:desc")
        effects = self.effects
        return SimulatedResponse(
            status=200,
            payload=page(
                pages,
                found,
                body_of=lambda each: calendly_render.event_body(state, each, effects),
                effects=effects,
            ),
        )

    def event(self, event_id: str) -> SimulatedResponse:
        event = self._visible(event_id, ApiOperation.CALENDLY_EVENT)
        body = calendly_render.event_body(self.world.calendly, event, self.effects)
        return SimulatedResponse(status=200, payload={"resource": body})

    def invitees(self, path: str, event_id: str, query: Query) -> SimulatedResponse:
        self._check_names(query, _INVITEE_QUERY)
        pages = listing(path, query, self.effects)
        query = pages.query
        event = self._visible(event_id, ApiOperation.CALENDLY_INVITEES)
        status = _one_of(query, "status", ("active", "canceled"))
        direction = _one_of(query, "sort", ("created_at:asc", "created_at:desc"))
        email = query.get("email", "").lower()
        state, effects = self.world.calendly, self.effects
        found = [
            each
            for each in state.invitees_of(event.id)
            if (status is None or (each.cancellation is not None) == (status == "canceled"))
            and (not email or each.email.lower() == email)
        ]
        found.sort(key=lambda each: each.created_at, reverse=direction == "created_at:desc")
        return SimulatedResponse(
            status=200,
            payload=page(
                pages,
                found,
                body_of=lambda each: calendly_render.invitee_body(state, each, effects),
                effects=effects,
            ),
        )

    def invitee(self, event_id: str, invitee_id: str) -> SimulatedResponse:
        self._visible(event_id, ApiOperation.CALENDLY_INVITEE)
        invitee = self.world.calendly.invitees.get(invitee_id)
        if invitee is None or invitee.event_id != event_id:
            return calendly_errors.not_found()
        body = calendly_render.invitee_body(self.world.calendly, invitee, self.effects)
        return SimulatedResponse(status=200, payload={"resource": body})

    def user(self, user_id: str) -> SimulatedResponse:
        user = self.owner if user_id == "me" else self.world.calendly.users.get(user_id)
        if user is None:
            return calendly_errors.not_found()
        if user.organization_id != self.owner.organization_id:
            return calendly_errors.forbidden("resource", ApiOperation.CALENDLY_USER)
        return SimulatedResponse(status=200, payload={"resource": calendly_render.user_body(user, self.effects)})

    def no_show(self, invitee_id: str) -> SimulatedResponse:
        """Answer with the no-show record; its id is the invitee's."""
        invitee = self.world.calendly.invitees.get(invitee_id)
        if invitee is None or invitee.no_show_at is None:
            return calendly_errors.not_found()
        self._visible(invitee.event_id, ApiOperation.CALENDLY_NO_SHOW)
        body = calendly_render.no_show_body(self.world.calendly, invitee, self.effects)
        return SimulatedResponse(status=200, payload={"resource": body})

    def _check_names(self, query: Query, known: frozenset[str]) -> None:
        if not refuses_unknown(self.effects):
            return
        for name in query:
            if name not in known:
                raise CalendlyRefusal(calendly_errors.invalid(name, "is not a parameter of this call"))

    def _visible(self, event_id: str, operation: ApiOperation) -> CalendlyEvent:
        state = self.world.calendly
        event = state.events.get(event_id)
        if event is None:
            raise CalendlyRefusal(calendly_errors.not_found())
        host = state.users[event.user_id]
        same_organization = host.organization_id == self.owner.organization_id
        if host.id == self.owner.id or (same_organization and self.owner.is_admin):
            return event
        if self.effects.get(FaultKind.FOREIGN_EVENT) == "404":
            raise CalendlyRefusal(calendly_errors.not_found())
        raise CalendlyRefusal(calendly_errors.forbidden("event", operation))

    def _users(self, query: Query) -> Sequence[str]:
        """Return whose events are requested, or refuse as Calendly does."""
        owner, users = self.owner, self.world.calendly.users
        if "organization" in query:
            organization_id = _id_in(query, "organization", "organizations")
            if organization_id != owner.organization_id or not owner.is_admin:
                raise CalendlyRefusal(calendly_errors.forbidden("resource", ApiOperation.CALENDLY_EVENTS))
        if "user" not in query:
            if "organization" not in query:
                raise CalendlyRefusal(calendly_errors.invalid("user", "one of user, organization must be given"))
            return [each.id for each in users.values() if each.organization_id == owner.organization_id]
        user_id = _id_in(query, "user", "users")
        if user_id == owner.id:
            return [user_id]
        if user_id not in users or users[user_id].organization_id != owner.organization_id:
            raise CalendlyRefusal(calendly_errors.forbidden("other_organization", ApiOperation.CALENDLY_EVENTS))
        if "organization" not in query:
            raise CalendlyRefusal(calendly_errors.forbidden("specify_organization", ApiOperation.CALENDLY_EVENTS))
        return [user_id]


def _one_of(query: Query, name: str, choices: tuple[str, ...]) -> str | None:
    value = query.get(name)
    if value is not None and value not in choices:
        raise CalendlyRefusal(calendly_errors.invalid(name, f"must be one of {', '.join(choices)}"))
    return value


def _id_in(query: Query, name: str, kind: str) -> str:
    """Return the id in a full URI; a bare id is refused, as Calendly does."""
    uri = urlsplit(query[name])
    match uri.path.split("/"):
        case ["", found, identifier] if uri.netloc and found == kind and identifier:
            return identifier
    raise CalendlyRefusal(calendly_errors.invalid(name, "must be a URI"))


def _instant(query: Query, name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise CalendlyRefusal(calendly_errors.invalid(name, "must be a date-time in UTC"))
    return at
