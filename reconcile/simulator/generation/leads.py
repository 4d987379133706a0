"""The company's part of a generated world: workspaces, leads, stored bookings, true bookings."""

from dataclasses import dataclass
from datetime import datetime

from reconcile.simulator.wire import Api


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedWorkspace:
    """A customer with its ids and tokens at both providers."""

    id: str
    time_zone: str
    location_id: str
    location_token: str
    calendly_user_id: str
    calendly_organization_id: str
    calendly_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """An appointment as the company's database has it; *status* is spelled as in the glossary."""

    id: str
    status: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedLead:
    """A generated lead.

    *contact_id* and *stored* are in the database, and may be missing or out of date; *truth* is the booking that a run
    should find, None if the provider has no appointment of this person.
    """

    id: str
    workspace_id: str
    api: Api
    scenario: str
    email: str
    name: str
    contact_id: str | None
    stored: Booking | None
    truth: Booking | None
