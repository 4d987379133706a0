"""Writes each scenario as records of a provider, and returns the true booking."""

from dataclasses import replace
from datetime import timedelta

from reconcile.simulator.calendly.state import CalendlyState
from reconcile.simulator.generation.leads import Booking
from reconcile.simulator.generation.scenarios import GeneratedHistory, Person, Scenario
from reconcile.simulator.ghl.state import GhlState

_LATER = timedelta(days=2)
_GHL_ENDINGS = {
    Scenario.CANCELED: ("cancelled", "canceled"),
    Scenario.GROUP_CANCELED: ("cancelled", "canceled"),
    Scenario.SHOWED: ("showed", "showed"),
    Scenario.NO_SHOW: ("noshow", "no_show"),
}


def add_ghl_history(state: GhlState, location_id: str, *, person: Person, scenario: Scenario) -> GeneratedHistory:
    """Write one person's scenario into a GHL location."""
    at = person.entered_at
    contact = state.add_contact(location_id, email=person.email, name=person.name, added_at=at)
    if scenario is Scenario.UNBOOKED:
        return GeneratedHistory(contact_id=contact.id)
    holder = contact
    if scenario is Scenario.OTHER_CONTACT:
        alias = f"other.{person.email}"
        holder = state.add_contact(
            location_id, email=alias, additional_emails=[person.email], name=person.name, added_at=at
        )
    appointment_id = state.add_booking(holder.id, starts_at=person.slot, added_at=at).id
    first = _ghl_booking(state, appointment_id)
    match scenario:
        case Scenario.DELETED if person.number % 2:
            state.delete(appointment_id)
            return GeneratedHistory(first=first, contact_id=holder.id)
        case Scenario.DELETED:
            state.soft_delete(appointment_id)
            return GeneratedHistory(first=first, contact_id=holder.id)
        case Scenario.RESCHEDULED:
            state.move(appointment_id, person.slot + _LATER)
            truth = _ghl_booking(state, appointment_id)
        case Scenario.REBOOKED:
            state.cancel(appointment_id)
            truth = _ghl_booking(state, state.add_booking(holder.id, starts_at=person.slot + _LATER).id)
        case _:
            theirs, ours = _GHL_ENDINGS.get(scenario, ("confirmed", "confirmed"))
            if theirs != "confirmed":
                state.set_status(appointment_id, theirs)
            truth = replace(first, status=ours)
    return GeneratedHistory(first=first, truth=truth, contact_id=holder.id)


def add_calendly_history(state: CalendlyState, user_id: str, *, person: Person, scenario: Scenario) -> GeneratedHistory:
    """Write one person's scenario into a Calendly user's events."""
    if scenario is Scenario.UNBOOKED:
        return GeneratedHistory()
    at = person.entered_at
    places = 3 if scenario is Scenario.GROUP_CANCELED else 1
    event = state.add_event(user_id, starts_at=person.slot, limit=places, created_at=at)
    invitee_id = state.invite(event.id, email=person.email, name=person.name, created_at=at).id
    for other in range(1, places):
        state.invite(event.id, email=f"guest-{other}.{person.email}", created_at=at)
    first = _calendly_booking(state, invitee_id)
    truth = first
    match scenario:
        case Scenario.CANCELED | Scenario.GROUP_CANCELED:
            state.cancel(invitee_id)
            truth = replace(first, status="canceled")
        case Scenario.RESCHEDULED:
            for hop in range(1, person.number % 3 + 2):
                invitee_id = state.reschedule(invitee_id, person.slot + hop * _LATER).id
            truth = _calendly_booking(state, invitee_id)
        case Scenario.REBOOKED:
            state.cancel(invitee_id)
            rebooked = state.add_booking(user_id, email=person.email, starts_at=person.slot + _LATER, name=person.name)
            truth = _calendly_booking(state, rebooked.id)
        case Scenario.NO_SHOW:
            state.mark_no_show(invitee_id)
            truth = replace(first, status="no_show")
        case Scenario.DELETED:
            state.delete(event.id)
            return GeneratedHistory(first=first)
        case _:
            # Calendly has no status "showed": an invitee without a no-show mark stays active, which is confirmed.
            pass
    return GeneratedHistory(first=first, truth=truth)


def _ghl_booking(state: GhlState, appointment_id: str) -> Booking:
    record = state.appointments[appointment_id]
    return Booking(id=record.id, status="confirmed", starts_at=record.starts_at, ends_at=record.ends_at)


def _calendly_booking(state: CalendlyState, invitee_id: str) -> Booking:
    event = state.events[state.invitees[invitee_id].event_id]
    return Booking(id=state.uri(invitee_id), status="confirmed", starts_at=event.starts_at, ends_at=event.ends_at)
