"""Events of a booking at its provider: changes of the records from which responses are made."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from benchmarks.evidence.company import Company, Member
from benchmarks.evidence.statements import CANCELED, Change, State, Truth
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead

GHL, CALENDLY = ProviderName.HIGHLEVEL, ProviderName.CALENDLY
LATER = timedelta(days=1, hours=2)
"""How much later a moved meeting is."""


def active(member: Member) -> State:
    """Return the state of an unchanged, active booking."""
    return AppointmentStatus.CONFIRMED, member.starts_at


def moved(member: Member) -> State:
    """Return the state of a booking that was put off."""
    return AppointmentStatus.CONFIRMED, member.starts_at + LATER


def canceled(_member: Member) -> State:
    """Return the state of a canceled booking."""
    return CANCELED


def out_of_sequence(lead: Lead) -> Lead:
    """Return the lead without a sequence, so that only its own state makes it due."""
    return replace(lead, in_sequence=False)


def cancel(company: Company, member: Member) -> None:
    """Call the booking off."""
    if company.provider is GHL:
        company.world.ghl.cancel(member.booking)
    else:
        company.world.calendly.cancel(member.booking)


def move(company: Company, member: Member) -> None:
    """Put the meeting off."""
    if company.provider is GHL:
        company.world.ghl.move(member.booking, member.starts_at + LATER)
    else:
        company.world.calendly.reschedule(member.booking, member.starts_at + LATER)


def delete(company: Company, member: Member) -> None:
    """Delete the booking for good."""
    if company.provider is GHL:
        company.world.ghl.delete(member.booking)
    else:
        company.world.calendly.delete(member.event)


def book_again(company: Company, member: Member) -> None:
    """Enter the booking that was deleted again, under its own id."""
    if company.provider is GHL:
        company.world.ghl.add_booking(member.contact, id=member.booking, starts_at=member.starts_at)
        return
    state = company.world.calendly
    state.add_event(member.account, id=member.event, starts_at=member.starts_at)
    state.invite(member.event, id=member.booking, email=member.email)


def confirm(company: Company, member: Member) -> None:
    """Confirm the appointment that was canceled, under the same id and at the same time."""
    company.world.ghl.set_status(member.booking, "confirmed")


def book_another(company: Company, member: Member) -> None:
    """Let the person have another meeting."""
    company.world.ghl.add_booking(member.contact, starts_at=member.starts_at + LATER)


def give_away(company: Company, member: Member) -> None:
    """Let the booking be another person's, under the same id."""
    state = company.world.ghl
    state.delete(member.booking)
    other = state.add_contact(member.account, email=f"other.{member.email}")
    state.add_booking(other.id, id=member.booking, starts_at=member.starts_at)


def give_away_later(company: Company, member: Member) -> None:
    """Let the booking be another person's, and put it off."""
    give_away(company, member)
    move(company, member)


def book_under_second_contact(company: Company, member: Member) -> None:
    """Let the same person have a second contact, under which another meeting is booked."""
    state = company.world.ghl
    state.delete(member.booking)
    again = state.add_contact(member.account, email=member.email)
    state.add_booking(again.id, starts_at=member.starts_at + LATER)


def cancel_and_book_another(company: Company, member: Member) -> None:
    """Call the booking off, and let the person have another meeting."""
    cancel(company, member)
    book_another(company, member)


def move_account_to_new_york(company: Company, member: Member) -> None:
    """Let the account lie in New York, while the workspace is said to be in Berlin."""
    state = company.world.ghl
    location = replace(state.locations[member.account], zone=ZoneInfo("America/New_York"))
    state.locations[member.account] = state.by_token[location.token] = location
    company.workspaces[:] = [
        replace(each, timezone="Europe/Berlin") if each.id == member.lead.workspace_id else each
        for each in company.workspaces
    ]


def of_another_address(change: Change) -> Change:
    """Return *change* for an event that was booked under another e-mail than the lead's."""

    def changed(company: Company, member: Member) -> None:
        state = company.world.calendly
        state.delete(member.event)
        state.add_event(member.account, id=member.event, starts_at=member.starts_at)
        state.invite(member.event, id=member.booking, email=f"other.{member.email}")
        change(company, member)

    return changed


def gone(_member: Member, look: int) -> Truth:
    """Return the truth of a booking deleted before the first look: two looks cancel it."""
    return Truth(allowed=frozenset({CANCELED}), due=CANCELED if look > 1 else None)


def gone_and_back(member: Member, look: int) -> Truth:
    """Return the truth of a booking deleted before the first look and created again after the second."""
    return gone(member, look) if look <= 2 else Truth(due=active(member))


def canceled_and_back(member: Member, look: int) -> Truth:
    """Return the truth of a booking that was canceled before the first look and confirmed again after it."""
    state = CANCELED if look == 1 else active(member)
    return Truth(allowed=frozenset({state}), due=state)


def booked_canceled_and_back(member: Member, look: int) -> Truth:
    """Return the truth of a booking that was made, then canceled, then confirmed again: a look at each."""
    state = CANCELED if look == 2 else active(member)
    return Truth(allowed=frozenset({state}), due=state)
