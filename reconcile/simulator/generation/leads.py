"""The company's side of a generated world: its workspaces, its leads, what it believes and what is true."""

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
    """An appointment as the company's database would hold it; *status* is spelled as in the glossary."""

    id: str
    status: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedLead:
    """A person that a workspace hopes to meet.

    *contact_id* and *stored* are what the database holds, which may be nothing or out of date; *truth* is the booking
    that a reconciler should find, none if the provider has no appointment of this person.
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
