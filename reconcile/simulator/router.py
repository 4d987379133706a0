"""Routes a request through a provider: token, faults, limits, operation."""

from dataclasses import dataclass, field, replace

from reconcile.simulator.calendly import api as calendly_api
from reconcile.simulator.calendly import errors as calendly_errors
from reconcile.simulator.faults.effects import number_of
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import NO_EFFECTS, Effects, FaultRegistry, RequestFacts
from reconcile.simulator.faults.response_faults import deliver, html_answer, redirect_answer
from reconcile.simulator.ghl import api as ghl_api
from reconcile.simulator.ghl import errors as ghl_errors
from reconcile.simulator.ghl import search as ghl_search
from reconcile.simulator.limits import Limits
from reconcile.simulator.query import parse_query
from reconcile.simulator.records import CalendlyUser, Location
from reconcile.simulator.request_log import Logged, RequestLog
from reconcile.simulator.wire import Api, ApiOperation, Delivery, Manner, Request, Route, SimulatedResponse
from reconcile.simulator.world import World

UNKNOWN = "unknown"
_BEARER = "Bearer "
_ANSWERED = frozenset({Manner.WHOLE, Manner.HOLD, Manner.SILENT_CLOSE})


@dataclass(slots=True, kw_only=True)
class Router:
    """Both providers; *latency* is in seconds, for every response without a fault of its own."""

    world: World
    faults: FaultRegistry = field(default_factory=FaultRegistry)
    limits: Limits = field(default_factory=Limits)
    log: RequestLog = field(default_factory=RequestLog)
    latency: float = 0.0

    def respond(self, api: Api, request: Request) -> Delivery:
        """Return the bytes of the response to a request, and log it."""
        now = self.world.now()
        owner = self._owner(api, request)
        workspace = owner.workspace if owner else UNKNOWN
        where = ghl_api.route(request) if api is Api.GHL else calendly_api.route(request)
        if where is None:
            entry = Logged(now, UNKNOWN, workspace, (), "404")
            return self._deliver(_no_such_path(api, request), NO_EFFECTS, entry)
        subjects = where.ids + _asked_email(where.operation, request)
        call = RequestFacts(api=api, operation=where.operation, workspace=workspace, subjects=subjects)
        effects = self.faults.effects(call, now)
        answer = _forced_response(api, request, where, effects) if effects else None
        if owner:
            status = self.limits.count(api, owner, now, effects)
            if status.exceeded and answer is None:
                answer = _too_many(api, effects)
            answer = answer or self._answer(where, request, owner=owner, effects=effects)
            answer.headers = {**status.headers, **answer.headers}
        else:
            answer = answer or _stranger(api, request, effects)
        return self._deliver(
            answer, effects, Logged(now, where.operation.value, workspace, subjects, str(answer.status))
        )

    def _answer(
        self, where: Route, request: Request, *, owner: Location | CalendlyUser, effects: Effects
    ) -> SimulatedResponse:
        if isinstance(owner, CalendlyUser):
            return calendly_api.answer(self.world, where, request, owner=owner, effects=effects)
        refusal = ghl_api.version_refusal(request, effects)
        return refusal or ghl_api.answer(self.world, where, request, owner=owner, effects=effects)

    def _owner(self, api: Api, request: Request) -> Location | CalendlyUser | None:
        """Return the owner of a request's token; the token is not stored."""
        credential = request.headers.get("authorization", "")
        if not credential.startswith(_BEARER):
            return None
        token = credential[len(_BEARER) :]
        return self.world.ghl.by_token.get(token) if api is Api.GHL else self.world.calendly.by_token.get(token)

    def _deliver(self, answer: SimulatedResponse, effects: Effects, entry: Logged) -> Delivery:
        delivery = deliver(answer, effects, latency=self.latency)
        if delivery.manner not in _ANSWERED:
            entry = replace(entry, answered=delivery.manner.value)
        elif FaultKind.GARBAGE in effects:
            entry = replace(entry, answered=FaultKind.GARBAGE.value)
        self.log.add(entry)
        return delivery


def _stranger(api: Api, request: Request, effects: Effects) -> SimulatedResponse:
    """Return the response to an unknown token; GHL checks the Version header first."""
    if api is Api.CALENDLY:
        return calendly_errors.unauthenticated()
    return ghl_api.version_refusal(request, effects) or ghl_errors.unauthorized("token", effects)


def _forced_response(api: Api, request: Request, where: Route, effects: Effects) -> SimulatedResponse | None:
    """Return the response of a fault that replaces every other, if there is one."""
    page = number_of(effects, FaultKind.HTML)
    if page is not None:
        return html_answer(int(page))
    if FaultKind.REDIRECT in effects:
        return redirect_answer(str(effects[FaultKind.REDIRECT]))
    if FaultKind.RATE_LIMITED in effects:
        return _too_many(api, effects)
    if api is Api.GHL and FaultKind.MISSING in effects:
        return ghl_errors.missing(request, where, effects)
    refuse = ghl_errors.switched_on if api is Api.GHL else calendly_errors.switched_on
    return refuse(where.operation, effects)


def _too_many(api: Api, effects: Effects) -> SimulatedResponse:
    """Return 429; its body and Retry-After are undocumented."""
    match effects.get(FaultKind.RATE_LIMIT_BODY, "json" if api is Api.GHL else "empty"):
        case "json":
            answer = ghl_errors.refusal(429, "Too Many Requests", effects)
        case "html":
            answer = html_answer(429)
        case "empty_object":
            answer = SimulatedResponse(status=429, payload={})
        case _:
            answer = SimulatedResponse(status=429, payload=b"", content_type="text/plain; charset=utf-8")
    if api is Api.CALENDLY:
        answer.headers["X-RateLimit-Remaining"] = "0"
    if FaultKind.RETRY_AFTER in effects:
        answer.headers["Retry-After"] = str(effects[FaultKind.RETRY_AFTER])
    return answer


def _no_such_path(api: Api, request: Request) -> SimulatedResponse:
    if api is Api.GHL:
        return ghl_errors.refusal(404, f"Cannot {request.method} {request.path}", NO_EFFECTS)
    return calendly_errors.not_found()


def _asked_email(operation: ApiOperation, request: Request) -> tuple[str, ...]:
    """Return the e-mail that a search names, which faults can select."""
    email: str | None = None
    if operation is ApiOperation.GHL_CONTACT_SEARCH:
        email = ghl_search.asked_email(request.body)
    elif request.query_string and operation is ApiOperation.CALENDLY_EVENTS:
        email = parse_query(request.query_string).get("invitee_email")
    elif request.query_string and operation is ApiOperation.CALENDLY_INVITEES:
        email = parse_query(request.query_string).get("email")
    return (email,) if email else ()
