"""One fault: a kind and a value, and the requests that it meets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconcile.simulator.fault_kinds import KINDS, FaultKind, Form, Value
from reconcile.simulator.wire import Api, Operation


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
    operation: Operation | None = None
    workspace: str | None = None
    subject: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    share: float = 1.0
    draw: Draw = Draw.REQUEST
    times: int | None = None

    def __post_init__(self) -> None:
        """Put the kind's default in place of a missing value, or refuse what makes no sense."""
        rule = KINDS[self.kind]
        if self.value is None:
            object.__setattr__(self, "value", rule.default)
        elif rule.form is Form.NOTHING:
            raise FaultRefused(f"{self.kind} takes no value")
        elif rule.form is Form.NUMBER and (
            isinstance(self.value, (bool, str)) or not isinstance(self.value, (int, float)) or self.value < 0
        ):
            raise FaultRefused(f"{self.kind} takes a number from 0, not {self.value!r}")
        elif rule.form is Form.CHOICE and self.value not in rule.choices:
            raise FaultRefused(f"{self.kind} takes one of {', '.join(rule.choices)}, not {self.value!r}")
        elif rule.form is Form.TEXT and not isinstance(self.value, str):
            raise FaultRefused(f"{self.kind} takes a text, not {self.value!r}")
        if self.kind is FaultKind.SET_FIELD and "=" not in str(self.value):
            raise FaultRefused(f"{self.kind} takes NAME=JSON, not {self.value!r}")
        if not 0.0 <= self.share <= 1.0:
            raise FaultRefused(f"share lies between 0 and 1, not at {self.share}")
        if any(each is not None and each.tzinfo is None for each in (self.start, self.end)):
            raise FaultRefused("start and end need a time zone")


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
