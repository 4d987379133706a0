"""GHL's errors, in observed or documented texts and forms."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from reconcile.simulator.faults.effects import number_of
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.ghl.render import TRACE_ID
from reconcile.simulator.wire import ApiOperation, Json, Request, Route, SimulatedResponse

UNAUTHORIZED = {
    "token": "Invalid token: access token is invalid",
    "jwt": "Invalid JWT",
    "private_integration": "Invalid Private Integration token",
    "scope": "The token is not authorized for this scope.",
    "user_type": "Token's user type mismatch!",
    "auth_class": "This authClass type is not allowed to access this scope. Please contact support.",
    "command_timed_out": "Command timed out",
}
WRONG_LOCATION = "The token does not have access to this location."
_NOT_FOUND = {
    ApiOperation.GHL_APPOINTMENT: "Appointment not found",
    ApiOperation.GHL_CONTACT: "Contact not found",
    ApiOperation.GHL_CONTACT_APPOINTMENTS: "Contact not found",
    ApiOperation.GHL_LOCATION: "Location not found",
}
_MISSING = {
    "appointment": "Appointment not found",
    "version": "version header was not found.",
    "location": "Location not found",
    "token": "Token not found",
    "calendar": "Calendar not found",
    "contact": "Contact not found",
}
_EMPTY: dict[str, Json | bytes] = {"empty_object": {}, "null": b"null", "empty_list": {"events": []}}


def refusal(status: int, message: str | list[str], effects: Effects) -> SimulatedResponse:
    """Return an error body in the active form."""
    form = effects.get(FaultKind.MESSAGE_FORM)
    if form == "array" and isinstance(message, str):
        message = [message]
    payload: Json = {"message": message}
    if form != "bare":
        payload |= {"error": HTTPStatus(status).phrase, "statusCode": status}
        if effects.get(FaultKind.TRACE_ID) != "off":
            payload["traceId"] = TRACE_ID
    return SimulatedResponse(status=status, payload=payload)


def unauthorized(cause: str, effects: Effects) -> SimulatedResponse:
    """Return 401 for a cause; GHL also answers so, with only a message, when its own query is slow."""
    message = UNAUTHORIZED[cause]
    return (
        SimulatedResponse(status=401, payload={"message": message})
        if cause == "command_timed_out"
        else refusal(401, message, effects)
    )


def unprocessable(messages: list[str], effects: Effects) -> SimulatedResponse:
    """Return 422 with the validator's list of messages."""
    return refusal(422, messages, effects)


def unknown_id(operation: ApiOperation, wanted: str, effects: Effects) -> SimulatedResponse:
    """Return GHL's response to an unknown id, which is undocumented."""
    default = "404" if operation is ApiOperation.GHL_APPOINTMENT else "400"
    how = str(effects.get(FaultKind.UNKNOWN_ID, default))
    if how in _EMPTY:
        return SimulatedResponse(status=200, payload=_EMPTY[how])
    if how == "named":
        return refusal(404, _named(operation, wanted), effects)
    return refusal(int(how), _NOT_FOUND.get(operation, "Not found"), effects)


def missing(request: Request, where: Route, effects: Effects) -> SimulatedResponse:
    """Return that something is missing: the requested object, or an unrelated one."""
    what, status = str(effects[FaultKind.MISSING]), int(str(effects.get(FaultKind.MISSING_STATUS, "404")))
    match what:
        case "named":
            return refusal(status, _named(where.operation, where.ids[0] if where.ids else ""), effects)
        case "route":
            return refusal(status, f"Route {request.method}:{request.path} not found", effects)
        case "backend":
            return SimulatedResponse(
                status=status, payload=b"default backend - 404", content_type="text/plain; charset=utf-8"
            )
        case "nothing":
            return SimulatedResponse(status=status, payload={})
        case _:
            return refusal(status, _MISSING[what], effects)


def _named(operation: ApiOperation, wanted: str) -> str:
    noun = _NOT_FOUND.get(operation, "Record not found").split()[0]
    return f"{noun} with id {wanted} was not found"


def switched_on(operation: ApiOperation, effects: Effects) -> SimulatedResponse | None:
    """Return the error that a fault demands, if one does."""
    return next((refuse(operation, effects) for kind, refuse in _DEMANDED.items() if kind in effects), None)


_DEMANDED: Mapping[FaultKind, Callable[[ApiOperation, Effects], SimulatedResponse]] = {
    FaultKind.SERVER_ERROR: lambda _, effects: refusal(
        int(number_of(effects, FaultKind.SERVER_ERROR) or 0), "Internal server error", effects
    ),
    FaultKind.UNAUTHORIZED: lambda _, effects: unauthorized(str(effects[FaultKind.UNAUTHORIZED]), effects),
    FaultKind.FORBIDDEN: lambda _, effects: refusal(403, WRONG_LOCATION, effects),
    FaultKind.NOT_FOUND: lambda operation, effects: refusal(404, _NOT_FOUND.get(operation, "Not found"), effects),
    FaultKind.BAD_REQUEST: lambda _, effects: refusal(400, str(effects[FaultKind.BAD_REQUEST]), effects),
    FaultKind.UNPROCESSABLE: lambda _, effects: unprocessable([str(effects[FaultKind.UNPROCESSABLE])], effects),
}
