"""One fault: a kind and a value, and the requests that it meets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson

from reconcile.simulator.faults.kinds import KINDS, FaultKind, Form, Value
from reconcile.simulator.wire import Api, ApiOperation

_STATUSES = range(200, 600)


class FaultRefused(ValueError):
    """A fault as it was described cannot exist; the message names the key or value and what would do."""


class Draw(StrEnum):
    """What a share is a share of."""

    REQUEST = "request"
    """Each request is drawn anew, so a repeated one may pass."""
    SUBJECT = "subject"
    """The thing asked for is drawn, so it fails each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A switch that is on for the requests it matches: every condition that is given must hold.

    *subject* is an id in the path or the e-mail asked for; *start* and *end* are simulated instants, half-open; *share*
    meets a part of the matching requests, chosen by hash and so alike in every run; *times* ends it after so many.
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
    draw: Draw = Draw.REQUEST
    times: int | None = None

    def __post_init__(self) -> None:
        """Put the kind's default in place of a missing value, or refuse what makes no sense."""
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
    """Return the incident: GHL's single appointment comes in another envelope, and every record has lost its id."""
    changes: Mapping[FaultKind, str] = {
        FaultKind.ENVELOPE: "appointment",
        FaultKind.TRACE_ID: "on",
        FaultKind.MISSING_ID: "removed",
    }
    return tuple(
        Fault(kind=kind, value=value, api=Api.GHL, workspace=workspace, start=start, end=end)
        for kind, value in changes.items()
    )
