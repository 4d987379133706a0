"""What an event and an invitee say together, and what several of them say of one person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.appointment import CALLED_OFF, Appointment, AppointmentStatus
from reconcile.domain.evidence.booking_reference import CalendlyReference
from reconcile.domain.ids import ProviderName
from reconcile.providers.calendly.parsing import Event, Invitee, is_active, is_canceled


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedInvitee:
    """One person's place in one event."""

    event: Event
    invitee: Invitee

    @property
    def status(self) -> AppointmentStatus:
        """What became of it.

        The invitee decides, because a group event goes on when one person leaves it; an event that was called off is so
        for all. A word that is neither ``active`` nor ``canceled``, on either of them, is UNKNOWN.
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
        """The place that this one was moved to."""
        return self.invitee.successor if self.status is AppointmentStatus.RESCHEDULED else None

    def appointment(self) -> Appointment:
        """Return the place as an appointment; its id is the invitee's URI in its canonical form."""
        status = self.status
        invitee, predecessor = self.invitee, self.invitee.predecessor
        return Appointment(
            id=invitee.reference.appointment_id(),
            provider=ProviderName.CALENDLY,
            status=status,
            starts_at=self.event.starts_at,
            ends_at=self.event.ends_at,
            canceled_at=(invitee.canceled_at or self.event.canceled_at) if status in CALLED_OFF else None,
            replaces=predecessor.appointment_id() if predecessor and predecessor != invitee.reference else None,
            created_at=invitee.created_at,
        )


def called_off(event: Event) -> Appointment:
    """Return an event that was called off as the booking of whoever stored it: it is so for all of its invitees."""
    return Appointment(
        id=CalendlyReference(event=event.id).appointment_id(),
        provider=ProviderName.CALENDLY,
        status=AppointmentStatus.CANCELED,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        canceled_at=event.canceled_at,
    )


Bookings = Mapping[CalendlyReference, BookedInvitee]


def stand(bookings: Iterable[BookedInvitee]) -> bool:
    """Tell whether any of *places* was not called off."""
    return any(each.status not in CALLED_OFF for each in bookings)


def is_ahead(bookings: Iterable[BookedInvitee], now: datetime) -> bool:
    """Tell whether one of *places* stands and is still to come: after it, people book again."""
    return any(each.status is AppointmentStatus.CONFIRMED and each.event.starts_at > now for each in bookings)


def successors(bookings: Bookings) -> list[CalendlyReference]:
    """Return the places that some were moved to and that are not among them."""
    return [each.successor for each in bookings.values() if each.successor and each.successor not in bookings]


def is_circular(bookings: Bookings) -> bool:
    """Tell whether some place was moved, step by step, to itself."""
    for start in bookings:
        reference: CalendlyReference | None = start
        for _ in bookings:
            booking = bookings.get(reference) if reference else None
            reference = booking.successor if booking else None
            if reference == start:
                return True
    return False


def appointments(bookings: Bookings) -> tuple[Appointment, ...]:
    """Return *places* as appointments; what another was moved to says so, even if Calendly says it on one end only."""
    replaced = {each.successor: each.invitee.reference for each in bookings.values() if each.successor}
    found = []
    for reference, booking in bookings.items():
        old = replaced.get(reference)
        appointment = booking.appointment()
        found.append(replace(appointment, replaces=old.appointment_id()) if old and old != reference else appointment)
    return tuple(found)


def relevance(event: Event, now: datetime) -> tuple[int, float]:
    """Return a key that sorts events as they matter: the next one that stands, the last one that stood, the rest."""
    start = event.starts_at.timestamp()
    if is_active(event) and event.starts_at > now:
        return 0, start
    return 1 if is_active(event) else 2, -start
