"""Statements of a provider about a booking, each with the truth; each is tried in many worlds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from benchmarks.evidence.company import Company, Member, Script
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import Lead

State: TypeAlias = tuple[AppointmentStatus | None, datetime | None]
"""The compared part of a lead's booking: its status, and its start unless it is canceled."""
CANCELED: State = (AppointmentStatus.CANCELED, None)


class Evidence(StrEnum):
    """What a statement is worth."""

    SEEN = "seen"
    NAMED_ABSENT = "named absent"
    NOT_MENTIONED = "not mentioned"


class Path(StrEnum):
    """How the affected leads are looked up."""

    STORED_ID = "stored id"
    LIST = "list"
    """By lists, because a workspace has many leads with stored ids."""
    EVENT_ONLY = "event only"
    """Calendly: the event is stored and not the invitee."""
    BARE_UUID = "bare uuid"
    """Calendly: the stored id has not the form of an id, so the e-mail is all there is."""
    UNREADABLE_ID = "unreadable id"
    """GHL: the same, and the contact is all there is."""
    CONTACT = "contact list"
    """GHL: no booking is stored, and the contact is known."""
    EMAIL = "e-mail search"
    """No booking is stored, and the e-mail is all there is."""
    BESIDE = "search beside a known booking"
    """The first lead of each workspace is looked up by its stored id; the others have none and are searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The truth about an affected lead after a look.

    *allowed* are the states that may be written, in addition to the stored one; *due* must have been written.
    """

    allowed: frozenset[State] = frozenset()
    due: State | None = None


KEPT = Truth()
Change: TypeAlias = Callable[[Company, Member], None]
Truths: TypeAlias = Callable[[Member, int], Truth]
"""Returns the truth about a lead after a look, by its number from 1."""


def unchanged(_member: Member, _look: int) -> Truth:
    """Return the truth that nothing may be written."""
    return KEPT


def due(state: Callable[[Member], State], *, after: int = 1) -> Truths:
    """Return that *state* is true from the first look on, and is to be written at the look with the number *after*."""

    def truth(member: Member, look: int) -> Truth:
        found = state(member)
        return Truth(allowed=frozenset({found}), due=found if look >= after else None)

    return truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a provider about the affected leads.

    *prepare* changes the provider's records before the first look, *later* before the look of that number. *script*
    replaces responses. *store* changes the company's database. *hides_sights*: no response from the records counts as
    seeing the booking.
    """

    name: str
    evidence: Evidence
    paths: frozenset[Path]
    prepare: Change = field(default=lambda _company, _member: None)
    later: Mapping[int, Change] = field(default_factory=dict)
    script: Script | None = None
    store: Callable[[Lead], Lead] = field(default=lambda lead: lead)
    truth: Truths = unchanged
    looks: tuple[int, ...] = (1, 2)
    hides_sights: bool = False
    is_of_account: bool = False
    """It is about all leads of an account, so that no control of the account succeeds."""
    followups: int = 0
    """Follow-ups that an affected lead has to have caused in the end."""
    forbids_replaces: bool = False
    """No appointment replaces another one."""


def state_of(lead: Lead) -> State:
    """Return the compared part of a lead's booking."""
    status = lead.rollup.status
    if status in {AppointmentStatus.CANCELED, AppointmentStatus.RESCHEDULED}:
        return CANCELED
    return status, lead.rollup.starts_at
