"""Requests, responses and operation names, shared by the transport and both providers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Query: TypeAlias = Mapping[str, str]


class Api(StrEnum):
    """The two providers that are simulated."""

    GHL = "ghl"
    CALENDLY = "calendly"


class ApiOperation(StrEnum):
    """The operations, as faults and counters name them."""

    GHL_APPOINTMENT = "ghl.appointment"
    GHL_CONTACT_APPOINTMENTS = "ghl.contact-appointments"
    GHL_CONTACT_SEARCH = "ghl.contact-search"
    GHL_CONTACT = "ghl.contact"
    GHL_CALENDARS = "ghl.calendars"
    GHL_CALENDAR_EVENTS = "ghl.calendar-events"
    GHL_LOCATION = "ghl.location"
    CALENDLY_EVENTS = "calendly.events"
    CALENDLY_EVENT = "calendly.event"
    CALENDLY_INVITEES = "calendly.invitees"
    CALENDLY_INVITEE = "calendly.invitee"
    CALENDLY_NO_SHOW = "calendly.no-show"
    CALENDLY_USER = "calendly.user"


@dataclass(slots=True, kw_only=True)
class Request:
    """One parsed request; header names are lower-case, *path* is still percent-encoded."""

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The operation of a path, and the ids in it."""

    operation: ApiOperation
    ids: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class SimulatedResponse:
    """A status with its body, before it is serialized; *payload* is JSON unless it is bytes."""

    status: int
    payload: Json | bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class Manner(StrEnum):
    """How a response reaches the client, or does not."""

    WHOLE = "whole"
    BLACK_HOLE = "black_hole"
    HOLD = "hold"
    RESET = "reset"
    RESET_MID_BODY = "reset_mid_body"
    TRUNCATE = "truncate"
    SLOW_DRIP = "slow_drip"
    SILENT_CLOSE = "silent_close"


@dataclass(slots=True, kw_only=True)
class Delivery:
    """The bytes of a response and how they are delivered; *delay* and *pause* are in seconds.

    One that is not *counted* belongs to the admin endpoint and is not logged.
    """

    head: bytes
    body: bytes
    manner: Manner = Manner.WHOLE
    delay: float = 0.0
    pause: float = 0.0
    is_counted: bool = True
