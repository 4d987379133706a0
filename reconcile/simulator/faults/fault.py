"""One fault: a kind, a value, and the conditions of the requests that it applies to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson

from reconcile.simulator.faults.kinds import KINDS, FaultKind, Form, Value
from reconcile.simulator.wire import Api, ApiOperation

_STATUSES = range(200, 600)


class FaultRefused(ValueError):
    """The description of a fault is invalid; the message names the key or value and what is allowed."""


class ShareUnit(StrEnum):
    """The population to which a share applies."""

    REQUEST = "request"
    """Each request is drawn again, so a repeated one may succeed."""
    SUBJECT = "subject"
    """The requested object is drawn, so its requests always fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that applies to the requests that match every given condition.

    *subject* is an id in the path or the requested e-mail; *start* and *end* are simulated times, half-open; *share*
    applies to a part of the matching requests, chosen by hash and so the same in every run; *times* ends it after this
    many.
    """

    kind: FaultKind
    value: Value = None
    api: Api | None = None
    operation: ApiOperation | None = None
    workspace: str | None = None
    subject: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    share: float = 1.0
    draw: ShareUnit = ShareUnit.REQUEST
    times: int | None = None

    def __post_init__(self) -> None:
        """Set the kind's default for a missing value, or refuse an invalid one."""
        if self.value is None:
            object.__setattr__(self, "value", KINDS[self.kind].default)
        else:
            _check_value(self.kind, self.value)
        if not 0.0 <= self.share <= 1.0:
            raise FaultRefused(f"share lies between 0 and 1, not at {self.share}")
        if any(each is not None and each.tzinfo is None for each in (self.start, self.end)):
            raise FaultRefused("start and end need a time zone")


def _check_value(kind: FaultKind, value: object) -> None:
    rule = KINDS[kind]
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
    wanted = {
        Form.NOTHING: None,
        Form.CHOICE: None if value in rule.choices else f"one of {', '.join(rule.choices)}",
        Form.NUMBER: None if 0 <= number < float("inf") else "a number from 0",
        Form.STATUS: None if number in _STATUSES else "a status from 200 to 599",
        Form.TEXT: None if isinstance(value, str) else "a text",
        Form.HEADER: None if isinstance(value, str) and value.isascii() and value.isprintable() else "printable ASCII",
        Form.FIELD: None if isinstance(value, str) and _is_field(value) else "NAME=JSON",
    }[rule.form]
    if rule.form is Form.NOTHING:
        raise FaultRefused(f"{kind} takes no value")
    if wanted:
        raise FaultRefused(f"{kind} takes {wanted}, not {value!r}")


def _is_field(value: str) -> bool:
    name, _, document = value.partition("=")
    try:
        orjson.loads(document)
    except orjson.JSONDecodeError:
        return False
    return bool(name)


def incident(
    *, workspace: str | None = None, start: datetime | None = None, end: datetime | None = None
) -> tuple[Fault, ...]:
    """Return the incident: GHL's single appointment has another envelope, and every record lacks its id."""
    changes: Mapping[FaultKind, str] = {
        FaultKind.ENVELOPE: "appointment",
        FaultKind.TRACE_ID: "on",
        FaultKind.MISSING_ID: "removed",
    }
    return tuple(
        Fault(kind=kind, value=value, api=Api.GHL, workspace=workspace, start=start, end=end)
        for kind, value in changes.items()
    )
