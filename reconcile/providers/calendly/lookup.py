"""Calendly look-ups: one invitee by the ids in the stored URI, or the events of an e-mail address."""

from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from reconcile.domain.coordination.rate_limit import CALENDLY_PAID_LIMIT
from reconcile.domain.evidence.booking_reference import CalendlyReference, refers_to
from reconcile.domain.evidence.bulk_listing import SweepCost, SweepPlan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import AppointmentId, Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer, Unverified
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ContractFault, ErrorClass, ProviderRejected
from reconcile.ports import Sweep, Usage
from reconcile.providers import identity
from reconcile.providers.account import Accounts, Published
from reconcile.providers.calendly import booking_state
from reconcile.providers.calendly import listing as calendly_listing
from reconcile.providers.calendly import parsing as calendly_parsing
from reconcile.providers.calendly.booking_state import BookedInvitee
from reconcile.providers.calendly.parsing import Event
from reconcile.providers.calendly.requests import CalendlyCalls, suppress_hidden_user
from reconcile.providers.http.client import Gateway

_WINDOW = timedelta(days=90)
_MOST_STEPS = 10
"""The longest chain of reschedules that is followed."""
_MOST_EVENTS = 20
_BY_REFERENCE = frozenset({Operation.INVITEE, Operation.INVITEES})
_PUBLISHED = Published(calls=500, window=timedelta(minutes=1), assumed=CALENDLY_PAID_LIMIT, has_plans=True)


class Calendly:
    """Calendly for all workspaces; implements ``Provider``. Leaving it as a context manager closes the connections."""

    name = ProviderName.CALENDLY

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._accounts = Accounts(gateway, _PUBLISHED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._gateway.transport.aclose()

    def lookup(self, lead: Lead, workspace: Workspace) -> Lookup | SkipReason:
        """Return how *lead* is looked up: by the stored URI, else by e-mail; or the reason why it cannot be."""
        if self.name not in workspace.credentials:
            return SkipReason.NOT_CONFIGURED
        booking_id = identity.own_booking_id(lead, self.name)
        if booking_id and (reference := CalendlyReference.parse(booking_id)):
            operation = Operation.INVITEE if reference.invitee else Operation.INVITEES
            return Lookup(provider=self.name, operation=operation, subject=booking_id)
        if not (address := identity.address(lead)):
            return SkipReason.UNREADABLE_BOOKING_ID if booking_id else SkipReason.NO_IDENTITY
        operation = Operation.SCHEDULED_EVENTS if self._has_user_id(workspace) else Operation.CURRENT_USER
        return Lookup(provider=self.name, operation=operation, subject=address)

    async def answer(self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Look *lead* up; raises ProviderError if Calendly's response is not decisive."""
        account = self._accounts.of(workspace)
        if account is None:
            return SkipReason.NOT_CONFIGURED
        reads = CalendlyCalls(account, deadline=deadline)
        search = _Search(reads, gateway=self._gateway)
        reference = CalendlyReference.parse(lookup.subject) if lookup.operation in _BY_REFERENCE else None
        if reference is None:
            await search.by_address(lookup.subject)
        elif not await search.by_reference(reference, address=identity.address(lead)):
            return SkipReason.NO_IDENTITY
        for fault in reads.faults:
            keys = ", ".join(fault.shape)
            account.note(f"workspace {workspace.id}: {fault}; its other records were read ({keys})")
        return search.answer()

    async def check_lists(self, lead: Lead, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Look the stored booking of *lead* up, and the events of the address with which it was booked."""
        lookup, account = self.lookup(lead, workspace), self._accounts.of(workspace)
        if isinstance(lookup, SkipReason):
            return lookup
        if account is None:
            return SkipReason.NOT_CONFIGURED
        reference = CalendlyReference.parse(lookup.subject) if lookup.operation is Operation.INVITEE else None
        if reference is None:
            return SkipReason.UNREADABLE_BOOKING_ID
        search = _Search(CalendlyCalls(account, deadline=deadline), gateway=self._gateway)
        await search.check_lists(reference)
        return search.answer()

    def sweep_cost(self, workspace: Workspace) -> SweepCost | None:
        """Return the calls of a bulk listing: a page of events, the token's user if unknown, invitees of new leads."""
        if self.name not in workspace.credentials:
            return None
        return SweepCost(
            fixed=1 if self._has_user_id(workspace) else 2,
            lookup=2,
            past_lookup=3,
            per_new_lead=1,
            per_held_lead=1,
            settles_new_past=False,
        )

    async def sweep(self, leads: Sequence[Lead], workspace: Workspace, *, plan: SweepPlan, deadline: float) -> Sweep:
        """Return answers for those *leads* whose booking is listed."""
        account = self._accounts.of(workspace)
        if account is None:
            return Sweep()
        reads = CalendlyCalls(account, deadline=deadline, attempts=1)
        now = self._gateway.clock.now()
        answers, mentioned = await calendly_listing.sweep(reads, leads, plan=plan, now=now)
        return Sweep(answers=answers, calls=reads.calls, mentioned=mentioned)

    def _has_user_id(self, workspace: Workspace) -> bool:
        """Return whether the token's user is known."""
        account = self._accounts.of(workspace)
        return bool(account and (account.user_id or calendly_parsing.user_id(account.credential.account)))

    def usage(self, workspace: Workspace) -> Usage:
        """Return the usage of the workspace's account since the last call of this method, and reset it."""
        return self._accounts.usage(workspace)


class _Search:
    """The look-up of one lead: collects its bookings over several calls."""

    def __init__(self, reads: CalendlyCalls, *, gateway: Gateway) -> None:
        self._reads = reads
        self._clock = gateway.clock
        self._bookings: dict[CalendlyReference, BookedInvitee] = {}
        self._absent: set[AppointmentId] = set()
        self._event: Event | None = None
        """The stored event, if it is canceled and it is unknown which of its invitees the lead is."""
        self._returned: set[Operation] = set()
        self._silent: set[Operation] = set()
        self._unverified: Unverified | None = None

    def answer(self) -> Answer:
        """Return the bookings; raises ProviderRejected for a circular chain of reschedules without an active booking.

        A listed booking is never absent, even if Calendly says so of the single resource. With unreadable records in
        the lists, no booking is absent.
        """
        if booking_state.is_circular(self._bookings) and not booking_state.has_active(self._bookings.values()):
            raise _rejected(Operation.INVITEE, "Calendly's chain of reschedules is circular")
        found = booking_state.appointments(self._bookings)
        if self._event is not None:
            found = (booking_state.canceled_event(self._event), *found)
        absent = frozenset(gone for gone in self._absent if not any(refers_to(gone, each.id) for each in found))
        is_partial = bool(self._reads.faults)
        return Answer(
            appointments=found,
            absent=frozenset() if is_partial else absent,
            unverified=self._unverified or (Unverified.INCOMPLETE if is_partial else None),
            returned=frozenset(self._returned),
            silent=frozenset(self._silent - self._returned),
        )

    async def by_reference(self, reference: CalendlyReference, *, address: str | None) -> bool:
        """Look the stored booking up, and the person's other bookings unless it is active and upcoming.

        Returns False if only an event is stored and it is unknown which of its invitees the lead is.
        """
        if reference.invitee:
            booking = await self._reads.booked_invitee(reference)
            found = [booking] if booking else None
        else:
            found = await self._bookings_in(reference.event, address)
            if found is not None and (not found or (address is None and len(found) > 1)):
                found = await self._bookings_by_event(reference.event)
                if found == [] and self._event is None and address is None:
                    return False
        if found is None:
            self._absent.add(reference.appointment_id())
        elif found:
            self._returned.add(Operation.INVITEE if reference.invitee else Operation.INVITEES)
        self._add(found or ())
        await self._follow()
        if address and not booking_state.has_upcoming(self._bookings.values(), self._clock.now()):
            await self._replacements(address, stored=found)
        return True

    async def check_lists(self, reference: CalendlyReference) -> None:
        """Look a booking up, and note whether the events of its own address include any."""
        booking, now = await self._reads.booked_invitee(reference), self._clock.now()
        if booking is None:
            self._absent.add(reference.appointment_id())
            return
        self._returned.add(Operation.INVITEE)
        self._add([booking])
        address = booking.invitee.email
        if address is None or abs(booking.event.starts_at - now) >= _WINDOW:
            return
        events = await self._reads.events(address, since=now - _WINDOW, until=now + _WINDOW)
        (self._returned if events else self._silent).add(Operation.SCHEDULED_EVENTS)

    async def _bookings_by_event(self, event_id: str) -> list[BookedInvitee] | None:
        """Look the event up if no invitee has the lead's address, because people book with other addresses.

        The only invitee of an event is the stored booking; a canceled event is canceled for all. Of several invitees
        none is chosen.
        """
        event = await self._reads.event(event_id)
        if event is None:
            return None
        bookings = await self._bookings_in(event_id, None)
        if bookings is not None and len(bookings) != 1:
            bookings = []
            self._event = event if calendly_parsing.is_canceled(event) else None
            self._unverified = None if self._event else Unverified.OTHER_PERSON
        return bookings

    async def by_address(self, address: str) -> None:
        """Look up the events of *address* within 90 days of now, and its booking in each."""
        now = self._clock.now()
        events = await self._reads.events(address, since=now - _WINDOW, until=now + _WINDOW)
        if events:
            self._returned.add(Operation.SCHEDULED_EVENTS)
        event_count = 0
        broken: list[ContractFault] = []
        for event in sorted(events, key=lambda each: booking_state.relevance(each, now)):
            if calendly_parsing.is_canceled(event) and event.id in {each.event for each in self._bookings}:
                continue
            if event_count == _MOST_EVENTS:
                if booking_state.has_active(self._bookings.values()):
                    break
                raise _rejected(
                    Operation.SCHEDULED_EVENTS,
                    "Calendly lists too many events for one e-mail address",
                    error_class=ErrorClass.UNDECODABLE,
                )
            event_count += 1
            try:
                self._add(await self._bookings_in(event.id, address) or ())
            except ContractFault as fault:
                broken.append(fault)
        if broken and not self._bookings:
            raise broken[-1]
        self._reads.faults += broken
        await self._follow()

    async def _replacements(self, address: str, *, stored: Sequence[BookedInvitee] | None) -> None:
        now = self._clock.now()
        with suppress_hidden_user():
            await self.by_address(address)
            if any(
                each.invitee.email == address and abs(each.event.starts_at - now) < _WINDOW for each in stored or ()
            ):
                self._silent.add(Operation.SCHEDULED_EVENTS)

    async def _bookings_in(self, event_id: str, address: str | None) -> list[BookedInvitee] | None:
        invitees = await self._reads.invitees(event_id, address)
        if invitees is None:
            return None
        bookings = [await self._reads.with_event(each) for each in invitees]
        return [each for each in bookings if each]

    async def _follow(self) -> None:
        """Follow each chain of reschedules to its end. A booking that no longer exists is absent."""
        for _ in range(_MOST_STEPS):
            pending = self._pending_successors()
            if not pending:
                return
            booking = await self._reads.booked_invitee(pending[0])
            if booking is None:
                self._absent.add(pending[0].appointment_id())
            else:
                self._add([booking])
        if self._pending_successors():
            raise _rejected(Operation.INVITEE, f"Calendly's chain of reschedules is longer than {_MOST_STEPS}")

    def _pending_successors(self) -> Sequence[CalendlyReference]:
        return [e for e in booking_state.successors(self._bookings) if e.appointment_id() not in self._absent]

    def _add(self, bookings: Sequence[BookedInvitee]) -> None:
        self._bookings.update((each.invitee.reference, each) for each in bookings)


def _rejected(operation: Operation, message: str, *, error_class: ErrorClass = ErrorClass.REJECTED) -> ProviderRejected:
    return ProviderRejected(message, provider=ProviderName.CALENDLY, operation=operation, error_class=error_class)
