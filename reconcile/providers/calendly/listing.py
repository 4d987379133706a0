"""Bulk listing of Calendly's events, with invitees where needed, and the leads that it settles."""

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.appointment import CANCELED_STATUSES, Appointment, AppointmentStatus
from reconcile.domain.evidence.booking_reference import CalendlyReference, refers_to
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.evidence.evidence import stored_booking
from reconcile.domain.ids import LeadId, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.errors import ContractFault, ProviderError
from reconcile.providers import identity
from reconcile.providers.calendly import parsing as calendly_parsing
from reconcile.providers.calendly.booking_state import BookedInvitee
from reconcile.providers.calendly.parsing import Event, Invitee
from reconcile.providers.calendly.requests import CalendlyCalls

_PAGE = 100
_SETTLED = timedelta(minutes=5)
"""An event changed later than this before its last verification is read with its invitees."""
_NOT_STANDING = frozenset(AppointmentStatus) - {AppointmentStatus.CONFIRMED}
_NOT_OVER = frozenset({AppointmentStatus.UNKNOWN, AppointmentStatus.RESCHEDULED})
"""A booking that was rescheduled has a new one, which a look-up follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListedLead:
    """A lead with a stored invitee, the event of it as listed, and whether that is active and ahead."""

    lead: Lead
    reference: CalendlyReference
    event: Event
    is_ahead: bool

    def unchanged(self) -> Appointment | None:
        """Return the stored booking if it cannot have changed since it was verified; None if that is not known.

        Nothing changes about a canceled event. An event that is ahead and was not updated since, with one active
        invitee, still has that one. One that is over may have been marked as a no-show, which is not listed.
        """
        event = self.event
        known = next((each for each in self.lead.appointments if each.id == self.reference.appointment_id()), None)
        if known is None or event.ends_at is None or _may_have_changed(event, self.lead):
            return None
        if known.status in CANCELED_STATUSES:
            is_unchanged = calendly_parsing.is_canceled(event)
        else:
            is_alone = (event.places, event.taken) == (1, 1)
            is_unchanged = known.status is AppointmentStatus.CONFIRMED and self.is_ahead and is_alone
        return replace(known, starts_at=event.starts_at, ends_at=event.ends_at) if is_unchanged else None


def _may_have_changed(event: Event, lead: Lead) -> bool:
    """Return whether *event* may have changed since *lead* was verified."""
    verified_at = lead.state.verified_at
    return verified_at is None or event.updated_at is None or event.updated_at > verified_at - _SETTLED


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListedEvents:
    """The listed events by id; *is_complete*: to the end of the list, and without broken ones."""

    events: Mapping[str, Event]
    is_complete: bool


async def sweep(
    reads: CalendlyCalls, leads: Sequence[Lead], *, plan: SweepPlan, now: datetime
) -> tuple[Mapping[LeadId, Answer], int | None]:
    """Return answers for *leads* whose booking is listed, or that have another provider's and no new one here.

    With them comes the number of listed events that they have, None if the list was not read completely. A lead without
    a stored invitee is not answered, because an event alone does not tell which invitee the lead is. *plan* limits the
    calls; leads beyond it stay unknown.
    """
    stored = {each.id: identity.own_booking_id(each, ProviderName.CALENDLY) for each in leads}
    references = {
        lead_id: reference
        for lead_id, booking_id in stored.items()
        if booking_id and (reference := CalendlyReference.parse(booking_id)) and reference.invitee
    }
    wanted = {each.event for each in references.values()}
    listing = await _list_events(reads, wanted, plan)
    listed = {
        lead.id: _ListedLead(lead=lead, reference=reference, event=event, is_ahead=_is_ahead(event, now))
        for lead in leads
        if (reference := references.get(lead.id)) and (event := listing.events.get(reference.event))
    }
    past = [each.lead for each in listed.values() if not each.is_ahead]
    elsewhere = [each for each in leads if stored[each.id] is None and stored_booking(each) is not None]
    news = _news([*past, *elsewhere], listing, events={i: each.event.id for i, each in listed.items()}, now=now)
    worth_reading = [each for i, each in listed.items() if (each.is_ahead or i in news) and each.unchanged() is None]
    unread = {each.event.id: each.event for each in worth_reading}
    unread |= {event.id: event for events in news.values() for event in events}
    invitees = await _read_invitees(reads, unread.values(), plan)
    answers: dict[LeadId, Answer | None] = {
        i: _answer(each, invitees, unsettled=_NOT_STANDING) for i, each in listed.items() if each.is_ahead
    }
    for lead in (*past, *elsewhere):
        if lead.id in news and not _is_booked_again(lead, news[lead.id], invitees):
            found = listed.get(lead.id)
            answers[lead.id] = _answer(found, invitees, unsettled=_NOT_OVER) if found else Answer()
    mentioned = len(wanted & listing.events.keys()) if listing.is_complete and wanted else None
    return {lead_id: answer for lead_id, answer in answers.items() if answer}, mentioned


def _is_ahead(event: Event, now: datetime) -> bool:
    return calendly_parsing.is_active(event) and event.starts_at > now


async def _list_events(reads: CalendlyCalls, wanted: Iterable[str], plan: SweepPlan) -> _ListedEvents:
    """Return the listed events, from as many pages as the plan allows.

    Where only bookings that are ahead are looked for, the pages after the last *wanted* event are left out.
    """
    missing = set(wanted)
    found: dict[str, Event] = {}
    is_broken = False
    token: str | None = None
    seen: set[str | None] = set()
    while reads.calls < plan.most_calls:
        page = await reads.events_page(
            since=plan.since, until=plan.until, is_active=not plan.includes_past, token=token
        )
        found |= {each.id: each for each in page.items}
        missing -= found.keys()
        is_broken = is_broken or bool(page.faults)
        seen.add(token)
        token = page.token
        if token is None or token in seen or not (missing or plan.includes_past):
            break
    return _ListedEvents(events=found, is_complete=token is None and bool(seen) and not is_broken)


def _news(
    leads: Sequence[Lead], listing: _ListedEvents, *, events: Mapping[LeadId, str], now: datetime
) -> Mapping[LeadId, Sequence[Event]]:
    """Return, by lead, the events other than its own in which the person may have been booked since it was verified.

    *events* are the leads' own. Leads that lists cannot settle in less calls than look-ups are left out: those verified
    longest ago, until no more events have to be read than leads are left. So are leads with another meeting stored,
    because it may have been marked as a no-show.
    """
    settled = [
        each for each in leads if listing.is_complete and each.state.verified_at is not None and _has_no_other(each)
    ]
    settled.sort(key=lambda each: each.state.verified_at or now, reverse=True)
    news = {
        lead.id: [
            each
            for each in listing.events.values()
            if each.id != events.get(lead.id) and (_may_have_changed(each, lead) or _is_open_group(each, now))
        ]
        for lead in settled
    }
    while settled and len(news[settled[-1].id]) > len(settled):
        del news[settled.pop().id]
    return news


def _has_no_other(lead: Lead) -> bool:
    """Return whether all stored bookings at Calendly, but for the lead's own, were called off."""
    own = stored_booking(lead) or ""
    return not any(
        each.provider is ProviderName.CALENDLY and each.status not in CANCELED_STATUSES and not refers_to(own, each.id)
        for each in lead.appointments
    )


def _is_open_group(event: Event, now: datetime) -> bool:
    """Return whether people can join: it is not known whether one more invitee updates a group event."""
    return _is_ahead(event, now) and (event.places, event.taken) != (1, 1)


async def _read_invitees(
    reads: CalendlyCalls, events: Iterable[Event], plan: SweepPlan
) -> Mapping[str, Sequence[Invitee]]:
    """Return the invitees of *events* by event, as far as the plan allows; ContractFault if no list is readable.

    Lists are read concurrently. After any other failure no further list is requested, and the failure is raised.
    """
    invitees: dict[str, Sequence[Invitee]] = {}
    faults: list[ContractFault] = []
    failures: list[ProviderError] = []
    pending = (each for each in events if each.places is not None and each.places <= _PAGE)

    async def read_in_turn() -> None:
        while (
            not failures
            and reads.calls < plan.most_calls
            and reads.has_calls_left
            and (following := next(pending, None))
        ):
            try:
                invitees[following.id] = await reads.invitees(following.id, None) or ()
            except ContractFault as error:
                faults.append(error)
            except ProviderError as error:
                failures.append(error)

    async with asyncio.TaskGroup() as group:
        for _ in range(plan.concurrency):
            group.create_task(read_in_turn())
    if failures:
        raise failures[0]
    if faults and not invitees:
        raise faults[-1]
    return invitees


def _answer(
    listed: _ListedLead, invitees: Mapping[str, Sequence[Invitee]], *, unsettled: Container[AppointmentStatus]
) -> Answer | None:
    """Return the stored booking, unchanged or as its invitees show it; None in one of the *unsettled* statuses."""
    if known := listed.unchanged():
        return Answer(appointments=(known,))
    found = (each for each in invitees.get(listed.event.id, ()) if each.reference == listed.reference)
    booking = next((BookedInvitee(event=listed.event, invitee=each) for each in found), None)
    if booking is None or booking.status in unsettled:
        return None
    return Answer(appointments=(booking.appointment(),))


def _is_booked_again(lead: Lead, news: Iterable[Event], invitees: Mapping[str, Sequence[Invitee]]) -> bool:
    """Return whether *lead* is or may be among the invitees of events with *news*."""
    address = identity.address(lead)
    return address is not None and any(
        event.id not in invitees or any(each.email == address for each in invitees[event.id]) for event in news
    )
