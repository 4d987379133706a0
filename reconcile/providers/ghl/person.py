"""Looks up one person in GHL: the stored booking, the contact's appointments, contacts by e-mail."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.appointment import HELD, Appointment, AppointmentStatus
from reconcile.domain.ids import AppointmentId, Operation
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer, Unverified
from reconcile.domain.planning.outcome import SkipReason
from reconcile.providers import identity
from reconcile.providers.ghl.parsing import Contact, Record

LONGEST_VALUE = 75
"""GHL refuses to search for longer values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactList:
    """The appointments of one contact; *is_complete*: every record could be read."""

    appointments: tuple[Appointment, ...]
    is_complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPerson:
    """The contacts of one person in GHL, and their readable appointments.

    *is_searched*: the contacts were found by e-mail; *is_replaced*: instead of a contact that no longer exists.
    """

    contact_ids: tuple[str, ...]
    appointments: tuple[Appointment, ...]
    is_searched: bool = False
    is_replaced: bool = False
    is_complete: bool = True

    def answer(self, appointments: Iterable[Appointment]) -> Answer:
        """Return *appointments* as an answer; of several contacts with one e-mail, none is assigned to the lead."""
        is_ambiguous = self.is_searched and len(self.contact_ids) > 1
        return Answer(
            appointments=tuple(appointments),
            contact_id=self.contact_ids[0] if self.contact_ids and not is_ambiguous else None,
            replaces_contact=self.is_replaced and not is_ambiguous,
            unverified=None if self.is_complete else Unverified.INCOMPLETE,
            returned=frozenset({Operation.CONTACT_APPOINTMENTS} if self.appointments else ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSearch:
    """Looks one lead up with the given calls.

    *appointment* and *listed* return None if the resource does not exist; *contacts* is None if the workspace has no
    location to search in.
    """

    lead: Lead
    now: datetime
    appointment: Callable[[str], Awaitable[Record | None]]
    listed: Callable[[str], Awaitable[ContactList | None]]
    contacts: Callable[[str], Awaitable[Sequence[Contact]]] | None

    async def by_id(self, booking_id: str, *, is_control: bool = False) -> Answer:
        """Look the stored booking up, and the person's other appointments unless it is active and upcoming.

        For a control of the lists (*is_control*), the person's list is always requested.
        """
        record = await self.appointment(booking_id)
        returned = frozenset({Operation.APPOINTMENT} if record else ())
        own, theirs = identity.contact_id(self.lead), record.contact_id if record else None
        if record and own and theirs and own != theirs and not await self._is_of_same_person(theirs):
            # Another person's booking is neither reported nor absent.
            person = await self._person([own])
            others = person.answer(each for each in person.appointments if each.id != record.appointment.id)
            return replace(others, returned=others.returned | returned, unverified=Unverified.OTHER_PERSON)
        if record and _is_upcoming(record.appointment, self.now) and not is_control:
            return Answer(appointments=(record.appointment,), returned=returned, contact_id=own or theirs)
        person = await self._person([own, theirs])
        found = {each.id: each for each in person.appointments}
        # A listed booking is not absent, even if GHL says so of the single resource; nor is one that may be unreadable.
        is_absent = record is None and person.is_complete
        absent = frozenset({AppointmentId(booking_id)} - found.keys() if is_absent else ())
        silent = frozenset({Operation.CONTACT_APPOINTMENTS} if record and _is_left_out(person, record) else ())
        if record:
            found[record.appointment.id] = record.appointment
        answer = person.answer(found.values())
        return replace(answer, absent=absent, returned=answer.returned | returned, silent=silent)

    async def by_contacts(self, *contact_ids: str) -> Answer | SkipReason:
        """Return the appointments of the contacts, else of those with the e-mail; or CONTACT_NOT_FOUND."""
        person = await self._person(contact_ids)
        return person.answer(person.appointments) if person.contact_ids else SkipReason.CONTACT_NOT_FOUND

    async def _is_of_same_person(self, contact_id: str) -> bool:
        """Return whether a contact has the lead's e-mail address: one person may have several contacts."""
        address = self._address
        if address is None or self.contacts is None:
            return False
        return contact_id in {each.id for each in await self.contacts(address)}

    async def _person(self, contact_ids: Iterable[str | None]) -> FoundPerson:
        """Return the given contacts with their appointments; if none of them exists, those with the lead's e-mail."""
        wanted = [each for each in dict.fromkeys(contact_ids) if each]
        person = await self._listed(wanted)
        address = self._address
        if person.contact_ids or address is None or self.contacts is None:
            return person
        matching = [each.id for each in await self.contacts(address)]
        found = await self._listed(matching)
        return replace(found, contact_ids=tuple(matching), is_searched=True, is_replaced=bool(wanted))

    async def _listed(self, contact_ids: Sequence[str]) -> FoundPerson:
        known: list[str] = []
        found: dict[AppointmentId, Appointment] = {}
        is_complete = True
        for each in contact_ids:
            if (listed := await self.listed(each)) is not None:
                known.append(each)
                found |= {appointment.id: appointment for appointment in listed.appointments}
                is_complete = is_complete and listed.is_complete
        return FoundPerson(contact_ids=tuple(known), appointments=tuple(found.values()), is_complete=is_complete)

    @property
    def _address(self) -> str | None:
        return identity.address(self.lead, longest=LONGEST_VALUE)


def _is_upcoming(appointment: Appointment, now: datetime) -> bool:
    """Return whether the appointment is confirmed and in the future; after a past one, people book again."""
    return appointment.status is AppointmentStatus.CONFIRMED and appointment.starts_at > now


def _is_left_out(person: FoundPerson, record: Record) -> bool:
    """Return whether a held appointment is missing from the list of its contact."""
    is_listed = any(each.id == record.appointment.id for each in person.appointments)
    is_requested = record.contact_id in person.contact_ids and not person.is_searched
    return record.appointment.status in HELD and is_requested and person.is_complete and not is_listed
