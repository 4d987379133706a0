"""Calendly's errors, with the titles and texts of its API description."""

from collections.abc import Callable, Mapping

from reconcile.simulator.faults.effects import number_of
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.wire import ApiOperation, Json, SimulatedResponse

FORBIDDEN = {
    "resource": "You do not have permission to access this resource.",
    "specify_organization": "Please also specify organization when requesting events for a user "
    "within your organization.",
    "other_organization": "This user is not in your organization",
    "event": "You are not allowed to view this event",
}
_SCOPES = {ApiOperation.CALENDLY_USER: "users:read"}


class CalendlyRefusal(Exception):
    """A Calendly call is refused; carries the response."""

    def __init__(self, answer: SimulatedResponse) -> None:
        super().__init__(answer.status)
        self.answer = answer


def invalid(parameter: str, message: str) -> SimulatedResponse:
    """Return 400 that names the parameter."""
    return _refusal(
        400,
        "Invalid Argument",
        "The supplied parameters are invalid.",
        details=[{"parameter": parameter, "message": message}],
    )


def unauthenticated() -> SimulatedResponse:
    """Return 401."""
    return _refusal(401, "Unauthenticated", "The access token is invalid")


def forbidden(cause: str, operation: ApiOperation) -> SimulatedResponse:
    """Return 403 for a cause."""
    if cause == "insufficient_scope":
        return _refusal(
            403,
            "Insufficient scope",
            "This operation requires the scopes listed in the 'required_scopes' array.",
            required_scopes=[_SCOPES.get(operation, "scheduled_events:read")],
        )
    return _refusal(403, "Permission Denied", FORBIDDEN[cause])


def not_found() -> SimulatedResponse:
    """Return 404."""
    return _refusal(404, "Resource Not Found", "The server could not find the requested resource.")


def switched_on(operation: ApiOperation, effects: Effects) -> SimulatedResponse | None:
    """Return the error that a fault demands, if one does."""
    return next((refuse(operation, effects) for kind, refuse in _DEMANDED.items() if kind in effects), None)


def _refusal(status: int, title: str, message: str, **more: object) -> SimulatedResponse:
    payload: Json = {"title": title, "message": message, **more}
    return SimulatedResponse(status=status, payload=payload)


_DEMANDED: Mapping[FaultKind, Callable[[ApiOperation, Effects], SimulatedResponse]] = {
    FaultKind.SERVER_ERROR: lambda _, effects: _refusal(
        int(number_of(effects, FaultKind.SERVER_ERROR) or 0),
        "Internal Server Error",
        "The server encountered an unexpected condition that prevented it from fulfilling the request.",
    ),
    FaultKind.UNAUTHORIZED: lambda _operation, _effects: unauthenticated(),
    FaultKind.FORBIDDEN: lambda operation, effects: forbidden(str(effects[FaultKind.FORBIDDEN]), operation),
    FaultKind.NOT_FOUND: lambda _operation, _effects: not_found(),
    FaultKind.BAD_REQUEST: lambda _, effects: invalid("unknown", str(effects[FaultKind.BAD_REQUEST])),
    FaultKind.UNPROCESSABLE: lambda _, effects: _refusal(
        422, "Unprocessable Entity", str(effects[FaultKind.UNPROCESSABLE])
    ),
    FaultKind.EXTERNAL_CALENDAR: lambda _operation, _effects: _refusal(
        424, "External Calendar Error", "There is a problem accessing your calendar."
    ),
}
