"""GHL's state: locations, contacts and appointments, and their changes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reconcile.simulator.ids import Ids
from reconcile.simulator.records import GhlAppointment, GhlContact, Location

HALF_HOUR = timedelta(minutes=30)


class GhlState:
    """GHL's part of the world; every change sets the record's timestamp from the world's clock."""

    def __init__(self, *, now: Callable[[], datetime], ids: Ids) -> None:
        self._now = now
        self._ids = ids
        self.locations: dict[str, Location] = {}
        self.contacts: dict[str, GhlContact] = {}
        self.appointments: dict[str, GhlAppointment] = {}
        self.by_token: dict[str, Location] = {}
        self._calendars_by_location: dict[str, list[str]] = defaultdict(list)
        self._contacts_by_location: dict[str, list[str]] = defaultdict(list)
        self._contacts_by_email: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._appointments_by_contact: dict[str, list[str]] = defaultdict(list)
        self._appointments_by_location: dict[str, list[str]] = defaultdict(list)

    def add_location(
        self,
        *,
        id: str | None = None,  # noqa: A002 - the provider's own word, as in every other record
        token: str | None = None,
        workspace: str | None = None,
        time_zone: str = "UTC",
    ) -> Location:
        """Create a sub-account; the default *workspace* is its own id."""
        location_id = id or self._ids.ghl()
        location = Location(
            id=location_id,
            token=token or self._ids.ghl_token(),
            workspace=workspace or location_id,
            zone=ZoneInfo(time_zone),
            calendar_id=self._ids.ghl(),
            user_id=self._ids.ghl(),
        )
        self.locations[location.id] = location
        self.by_token[location.token] = location
        self._calendars_by_location[location.id].append(location.calendar_id)
        return location

    def add_calendar(self, location_id: str) -> str:
        """Add a calendar to a location and return its id."""
        calendar_id = self._ids.ghl()
        self._calendars_by_location[location_id].append(calendar_id)
        return calendar_id

    def rotate_token(self, location_id: str, token: str) -> None:
        """Replace a location's token: the old one is answered with 401 from now on."""
        location = self.locations[location_id]
        del self.by_token[location.token]
        self.locations[location_id] = self.by_token[token] = replace(location, token=token)

    def add_contact(  # noqa: PLR0913 - omitted values have defaults
        self,
        location_id: str,
        *,
        email: str,
        id: str | None = None,  # noqa: A002
        additional_emails: Sequence[str] = (),
        name: str = "Ann Example",
        added_at: datetime | None = None,
    ) -> GhlContact:
        """Add a contact; the same e-mail may be added again, as a location may allow."""
        first_name, _, last_name = name.partition(" ")
        at = added_at or self._now()
        contact = GhlContact(
            id=id or self._ids.ghl(),
            location_id=self.locations[location_id].id,
            email=email,
            additional_emails=tuple(additional_emails),
            first_name=first_name,
            last_name=last_name,
            added_at=at,
            updated_at=at,
        )
        self.contacts[contact.id] = contact
        self._contacts_by_location[location_id].append(contact.id)
        for address in {email.lower(), *(each.lower() for each in additional_emails)}:
            self._contacts_by_email[location_id, address].append(contact.id)
        return contact

    def add_booking(  # noqa: PLR0913 - omitted values have defaults
        self,
        contact_id: str,
        *,
        starts_at: datetime,
        id: str | None = None,  # noqa: A002
        status: str = "confirmed",
        lasts: timedelta = HALF_HOUR,
        added_at: datetime | None = None,
        calendar_id: str | None = None,
    ) -> GhlAppointment:
        """Add an appointment of a contact to the named calendar, by default the location's first."""
        contact = self.contacts[contact_id]
        location = self.locations[contact.location_id]
        at = added_at or self._now()
        appointment = GhlAppointment(
            id=id or self._ids.ghl(),
            location_id=location.id,
            contact_id=contact_id,
            calendar_id=calendar_id or location.calendar_id,
            user_id=location.user_id,
            status=status,
            starts_at=starts_at,
            ends_at=starts_at + lasts,
            added_at=at,
            updated_at=at,
        )
        self.appointments[appointment.id] = appointment
        self._appointments_by_contact[contact_id].append(appointment.id)
        self._appointments_by_location[location.id].append(appointment.id)
        return appointment

    def set_status(self, appointment_id: str, status: str) -> GhlAppointment:
        """Set the status in GHL's spelling: confirmed, cancelled, showed, noshow, new, invalid or anything else."""
        return self._put(replace(self.appointments[appointment_id], status=status, updated_at=self._now()))

    def cancel(self, appointment_id: str) -> GhlAppointment:
        """Cancel: the record stays with the status cancelled."""
        return self.set_status(appointment_id, "cancelled")

    def move(self, appointment_id: str, starts_at: datetime) -> GhlAppointment:
        """Reschedule an appointment under the same id, as GHL does."""
        old = self.appointments[appointment_id]
        ends_at = starts_at + (old.ends_at - old.starts_at)
        return self._put(replace(old, starts_at=starts_at, ends_at=ends_at, updated_at=self._now()))

    def soft_delete(self, appointment_id: str) -> GhlAppointment:
        """Delete softly: the record stays with ``deleted: true``."""
        return self._put(replace(self.appointments[appointment_id], deleted=True, updated_at=self._now()))

    def delete(self, appointment_id: str) -> None:
        """Delete permanently: the id is unknown from now on."""
        gone = self.appointments.pop(appointment_id)
        self._appointments_by_contact[gone.contact_id].remove(appointment_id)
        self._appointments_by_location[gone.location_id].remove(appointment_id)

    def calendars_of(self, location_id: str) -> Sequence[str]:
        """Return the ids of a location's calendars, oldest first."""
        return tuple(self._calendars_by_location.get(location_id, ()))

    def contacts_of(self, location_id: str) -> Sequence[GhlContact]:
        """Return a location's contacts in the order of insertion."""
        return self._contacts(self._contacts_by_location.get(location_id, ()))

    def contacts_by_email(self, location_id: str, email: str) -> Sequence[GhlContact]:
        """Return the contacts with *email* as first or additional address, case-insensitively."""
        return self._contacts(self._contacts_by_email.get((location_id, email.lower()), ()))

    def appointments_of(self, contact_id: str) -> Sequence[GhlAppointment]:
        """Return a contact's appointments in the order of insertion, including softly deleted ones."""
        return [self.appointments[each] for each in self._appointments_by_contact.get(contact_id, ())]

    def appointments_in(self, location_id: str) -> Sequence[GhlAppointment]:
        """Return a location's appointments in the order of insertion."""
        return [self.appointments[each] for each in self._appointments_by_location.get(location_id, ())]

    def _contacts(self, ids: Iterable[str]) -> Sequence[GhlContact]:
        return [self.contacts[each] for each in ids]

    def _put(self, appointment: GhlAppointment) -> GhlAppointment:
        self.appointments[appointment.id] = appointment
        return appointment
