"""What a provider may say of a booking, with what is true then: each statement is tried in many worlds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from benchmarks.evidence.company import Company, Member, Script
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import Lead

State: TypeAlias = tuple[AppointmentStatus | None, datetime | None]
"""A lead's booking as far as truth is compared: its status, and its start where it was not called off."""
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
    """The first lead of each workspace is looked up by its stored id, the others have none and are searched for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true of an affected lead after a look.

    *allowed* are the states, besides the stored one, that may be written. *due* has to have been written by then.
    """

    allowed: frozenset[State] = frozenset()
    due: State | None = None


KEPT = Truth()
Change: TypeAlias = Callable[[Company, Member], None]
Truths: TypeAlias = Callable[[Member, int], Truth]
"""The truth of a lead after the look of that number, from 1."""


def kept(_member: Member, _look: int) -> Truth:
    """Return that nothing is to be written."""
    return KEPT


def due(state: Callable[[Member], State], *, after: int = 1) -> Truths:
    """Return that *state* is true from the first look on, and is to be written at the look with the number *after*."""

    def truth(member: Member, look: int) -> Truth:
        found = state(member)
        return Truth(allowed=frozenset({found}), due=found if look >= after else None)

    return truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing that a provider says of the affected leads.

    *prepare* changes the provider's records before the first look, *later* before the look of that number. *script*
    answers in the records' place. *store* changes what the company's database holds. *hides_sights*: the records are
    such that no answer from them is a sight of the booking.
    """

    name: str
    evidence: Evidence
    paths: frozenset[Path]
    prepare: Change = field(default=lambda _company, _member: None)
    later: Mapping[int, Change] = field(default_factory=dict)
    script: Script | None = None
    store: Callable[[Lead], Lead] = field(default=lambda lead: lead)
    truth: Truths = kept
    looks: tuple[int, ...] = (1, 2)
    hides_sights: bool = False
    is_of_account: bool = False
    """It is said of all leads of an account, so that nothing proves the account's answers good."""
    followups: int = 0
    """Follow-ups that an affected lead has to have caused in the end."""
    forbids_replaces: bool = False
    """No appointment replaces another one."""


def state_of(lead: Lead) -> State:
    """Return a lead's booking as truth is compared."""
    status = lead.rollup.status
    if status in {AppointmentStatus.CANCELED, AppointmentStatus.RESCHEDULED}:
        return CANCELED
    return status, lead.rollup.starts_at
