"""Events at both providers while runs are made: bookings, reschedules, cancellations and deletions."""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

from reconcile.simulator import Api, Booking, GeneratedLead, World

_HALF_HOUR = timedelta(minutes=30)


@dataclass
class ProviderEvents:
    """Changes the simulated world step by step, and records the expected booking of each lead."""

    world: World
    chance: random.Random
    truths: dict[str, Booking | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with the generated bookings."""
        self.truths = {lead.id: lead.truth for lead in self.world.leads}

    def step(self, share: float) -> None:
        """Change the booking of about this share of the leads."""
        for lead in self.world.leads:
            if self.chance.random() < share:
                self._happen(lead)

    def _happen(self, lead: GeneratedLead) -> None:
        truth = self.truths[lead.id]
        if truth is None or truth.status == "canceled":
            self.truths[lead.id] = self._book(lead)
        elif truth.status == "confirmed" and truth.starts_at > self.world.now():
            act = self.chance.choice([self._cancel, self._cancel, self._move, self._delete])
            self.truths[lead.id] = act(lead, truth)

    def _slot(self) -> timedelta:
        return timedelta(hours=self.chance.randint(3, 400))

    def _book(self, lead: GeneratedLead) -> Booking:
        workspace = self.world.workspaces[lead.workspace_id]
        starts_at = self.world.now().replace(minute=0, second=0, microsecond=0) + self._slot()
        if lead.api is Api.GHL:
            state = self.world.ghl
            contact = state.contacts_by_email(workspace.location_id, lead.email)[-1]
            booking_id = state.add_booking(contact.id, starts_at=starts_at).id
        else:
            calendly = self.world.calendly
            booking_id = calendly.uri(
                calendly.add_booking(workspace.calendly_user_id, email=lead.email, starts_at=starts_at).id
            )
        return Booking(id=booking_id, status="confirmed", starts_at=starts_at, ends_at=starts_at + _HALF_HOUR)

    def _cancel(self, lead: GeneratedLead, truth: Booking) -> Booking:
        if lead.api is Api.GHL:
            self.world.ghl.cancel(truth.id)
        else:
            self.world.calendly.cancel(_invitee(truth))
        return replace(truth, status="canceled")

    def _move(self, lead: GeneratedLead, truth: Booking) -> Booking:
        starts_at = truth.starts_at + timedelta(hours=self.chance.randint(1, 48))
        booking_id = truth.id
        if lead.api is Api.GHL:
            self.world.ghl.move(truth.id, starts_at)
        else:
            calendly = self.world.calendly
            booking_id = calendly.uri(calendly.reschedule(_invitee(truth), starts_at).id)
        return replace(truth, id=booking_id, starts_at=starts_at, ends_at=starts_at + _HALF_HOUR)

    def _delete(self, lead: GeneratedLead, truth: Booking) -> None:
        if lead.api is Api.GHL:
            self.world.ghl.delete(truth.id)
        else:
            calendly = self.world.calendly
            calendly.delete(calendly.invitees[_invitee(truth)].event_id)


def _invitee(booking: Booking) -> str:
    return booking.id.rpartition("/")[2]
