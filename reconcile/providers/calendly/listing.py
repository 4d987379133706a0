"""Bulk listing of Calendly's upcoming events, with invitees where needed, and the leads that it settles."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.booking_reference import CalendlyReference
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.ids import LeadId, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.errors import ContractFault, ProviderError
from reconcile.providers import identity
from reconcile.providers.calendly import parsing as calendly_parsing
from reconcile.providers.calendly.booking_state import BookedInvitee
from reconcile.providers.calendly.parsing import Event
from reconcile.providers.calendly.requests import CalendlyCalls

_PAGE = 100
_SETTLED = timedelta(minutes=5)
"""An event changed later than this before its last verification is read with its invitees."""

_Sought = Sequence[tuple[CalendlyReference, Lead]]
"""Leads of one event, each with its stored invitee."""


async def sweep(
    reads: CalendlyCalls, leads: Sequence[Lead], *, plan: SweepPlan, now: datetime
) -> tuple[Mapping[LeadId, Answer], int | None]:
    """Return answers for *leads* with an active upcoming booking, and the number of listed events.

    The number is None if the list was not read to its end. Only leads with a stored invitee are searched, because an
    event alone does not tell which invitee the lead is. *plan* limits the calls; leads beyond it stay unknown.
    """
    sought: dict[str, list[tuple[CalendlyReference, Lead]]] = defaultdict(list)
    for lead in leads:
        reference = CalendlyReference.parse(identity.own_booking_id(lead, ProviderName.CALENDLY) or "")
        if reference and reference.invitee:
            sought[reference.event].append((reference, lead))
    answers: dict[LeadId, Answer] = {}
    unread: list[tuple[Event, _Sought]] = []
    events, is_complete = await _events(reads, sought, plan)
    for event in events:
        if not calendly_parsing.is_active(event) or event.starts_at <= now:
            continue
        remaining = []
        for reference, lead in sought[event.id]:
            if answer := _unchanged(event, reference, lead):
                answers[lead.id] = answer
            else:
                remaining.append((reference, lead))
        if remaining and event.places is not None and event.places <= _PAGE:
            unread.append((event, remaining))
    answers |= await _read_invitees(reads, unread, plan)
    return answers, len(events) if is_complete and sought else None


async def _read_invitees(
    reads: CalendlyCalls, unread: Iterable[tuple[Event, _Sought]], plan: SweepPlan
) -> Mapping[LeadId, Answer]:
    """Return the answers that the invitees of *unread* events give; raises a ContractFault if no list is readable.

    Lists are read concurrently. After any other failure no further list is requested, and the failure is raised.
    """
    answers: dict[LeadId, Answer] = {}
    faults: list[ContractFault] = []
    failures: list[ProviderError] = []
    readable = 0
    pending = iter(unread)

    async def read_in_turn() -> None:
        nonlocal readable
        while (
            not failures
            and reads.calls < plan.most_calls
            and reads.has_calls_left
            and (following := next(pending, None))
        ):
            try:
                answers.update(await _by_invitees(reads, *following))
                readable += 1
            except ContractFault as error:
                faults.append(error)
            except ProviderError as error:
                failures.append(error)

    async with asyncio.TaskGroup() as group:
        for _ in range(plan.concurrency):
            group.create_task(read_in_turn())
    if failures:
        raise failures[0]
    if faults and not readable:
        raise faults[-1]
    return answers


async def _events(reads: CalendlyCalls, sought: Mapping[str, _Sought], plan: SweepPlan) -> tuple[Sequence[Event], bool]:
    """Return the *sought* events, from as many pages as the plan allows, and whether the list was complete."""
    found: dict[str, Event] = {}
    token: str | None = None
    seen: set[str | None] = set()
    while reads.calls < plan.most_calls:
        page = await reads.events_page(since=plan.since, until=plan.until, token=token)
        found |= {each.id: each for each in page.items if each.id in sought}
        seen.add(token)
        token = page.token
        if token is None or token in seen or len(found) == len(sought):
            break
    return list(found.values()), token is None and bool(seen)


def _unchanged(event: Event, reference: CalendlyReference, lead: Lead) -> Answer | None:
    """Return the stored booking if its event has one invitee and was not updated since the last verification.

    The invitee is still active and was not rescheduled since, so its other fields cannot have changed.
    """
    verified_at = lead.state.verified_at
    if (event.places, event.taken) != (1, 1) or event.updated_at is None or verified_at is None:
        return None
    known = next((each for each in lead.appointments if each.id == reference.appointment_id()), None)
    if known is None or known.status is not AppointmentStatus.CONFIRMED or event.ends_at is None:
        return None
    if event.updated_at > verified_at - _SETTLED:
        return None
    return Answer(appointments=(replace(known, starts_at=event.starts_at, ends_at=event.ends_at),))


async def _by_invitees(reads: CalendlyCalls, event: Event, sought: _Sought) -> Mapping[LeadId, Answer]:
    invitees = await reads.invitees(event.id, None) or ()
    places = {each.reference: BookedInvitee(event=event, invitee=each) for each in invitees}
    found = [(lead, booking) for reference, lead in sought if (booking := places.get(reference))]
    standing = [(lead, booking) for lead, booking in found if booking.status is AppointmentStatus.CONFIRMED]
    return {lead.id: Answer(appointments=(booking.appointment(),)) for lead, booking in standing}
