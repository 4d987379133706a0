"""Status of a Calendly booking, from its event and its invitee, and chains of reschedules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.appointment import CANCELED_STATUSES, Appointment, AppointmentStatus
from reconcile.domain.evidence.booking_reference import CalendlyReference
from reconcile.domain.ids import ProviderName
from reconcile.providers.calendly.parsing import Event, Invitee, is_active, is_canceled


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedInvitee:
    """One person's booking: the event and the invitee."""

    event: Event
    invitee: Invitee

    @property
    def status(self) -> AppointmentStatus:
        """The status of the booking.

        The invitee's status decides, because a group event continues when one invitee cancels; a canceled event is
        canceled for all. A status other than ``active`` and ``canceled``, on either of them, is UNKNOWN.
        """
        if is_canceled(self.invitee):
            return AppointmentStatus.RESCHEDULED if self.invitee.rescheduled else AppointmentStatus.CANCELED
        if is_canceled(self.event):
            return AppointmentStatus.CANCELED
        if is_active(self.invitee) and is_active(self.event):
            return AppointmentStatus.NO_SHOW if self.invitee.no_show else AppointmentStatus.CONFIRMED
        return AppointmentStatus.UNKNOWN

    @property
    def successor(self) -> CalendlyReference | None:
        """The booking that this one was rescheduled to."""
        return self.invitee.successor if self.status is AppointmentStatus.RESCHEDULED else None

    def appointment(self) -> Appointment:
        """Return the booking as an appointment; its id is the invitee's URI in canonical form."""
        status = self.status
        invitee, predecessor = self.invitee, self.invitee.predecessor
        return Appointment(
            id=invitee.reference.appointment_id(),
            provider=ProviderName.CALENDLY,
            status=status,
            starts_at=self.event.starts_at,
            ends_at=self.event.ends_at,
            canceled_at=(invitee.canceled_at or self.event.canceled_at) if status in CANCELED_STATUSES else None,
            replaces=predecessor.appointment_id() if predecessor and predecessor != invitee.reference else None,
            created_at=invitee.created_at,
        )


def canceled_event(event: Event) -> Appointment:
    """Return a canceled event as a canceled appointment of any of its invitees."""
    return Appointment(
        id=CalendlyReference(event=event.id).appointment_id(),
        provider=ProviderName.CALENDLY,
        status=AppointmentStatus.CANCELED,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        canceled_at=event.canceled_at,
    )


Bookings = Mapping[CalendlyReference, BookedInvitee]


def has_active(bookings: Iterable[BookedInvitee]) -> bool:
    """Return whether any of *bookings* is not canceled."""
    return any(each.status not in CANCELED_STATUSES for each in bookings)


def has_upcoming(bookings: Iterable[BookedInvitee], now: datetime) -> bool:
    """Return whether one of *bookings* is confirmed and in the future; after a past one, people book again."""
    return any(each.status is AppointmentStatus.CONFIRMED and each.event.starts_at > now for each in bookings)


def successors(bookings: Bookings) -> list[CalendlyReference]:
    """Return the references of successors that are not among *bookings*."""
    return [each.successor for each in bookings.values() if each.successor and each.successor not in bookings]


def is_circular(bookings: Bookings) -> bool:
    """Return whether a chain of reschedules leads back to its start."""
    for start in bookings:
        reference: CalendlyReference | None = start
        for _ in bookings:
            booking = bookings.get(reference) if reference else None
            reference = booking.successor if booking else None
            if reference == start:
                return True
    return False


def appointments(bookings: Bookings) -> tuple[Appointment, ...]:
    """Return *bookings* as appointments. ``replaces`` is set even if Calendly links the two on one side only."""
    replaced = {each.successor: each.invitee.reference for each in bookings.values() if each.successor}
    found = []
    for reference, booking in bookings.items():
        old = replaced.get(reference)
        appointment = booking.appointment()
        found.append(replace(appointment, replaces=old.appointment_id()) if old and old != reference else appointment)
    return tuple(found)


def relevance(event: Event, now: datetime) -> tuple[int, float]:
    """Return a sort key: upcoming active events (soonest first), past active ones (latest first), canceled ones."""
    start = event.starts_at.timestamp()
    if is_active(event) and event.starts_at > now:
        return 0, start
    return 1 if is_active(event) else 2, -start
