"""Bulk listing of the appointments in a location's calendars, and the leads that it settles."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Self

from reconcile.domain.appointment import INCONCLUSIVE, AppointmentStatus
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.evidence.evidence import stored_booking
from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.providers import identity
from reconcile.providers.account import Account, rejection
from reconcile.providers.ghl import parsing as ghl_parsing
from reconcile.providers.ghl.parsing import Record
from reconcile.providers.ghl.versions import CALENDARS, ask_calendars
from reconcile.providers.http.call import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtRecords:
    """The appointments that a listing is read for: by their ids, and by contacts."""

    booking_ids: frozenset[str]
    contact_ids: frozenset[str] = frozenset()

    @classmethod
    def of(cls, leads: Iterable[Lead]) -> Self:
        """Return the bookings of *leads*, and the contacts of those that have another provider's."""
        bookings = {each.id: _booking_id(each) for each in leads}
        contacts = (identity.contact_id(each) for each in leads if bookings[each.id] is None)
        return cls(
            booking_ids=frozenset(filter(None, bookings.values())), contact_ids=frozenset(filter(None, contacts))
        )

    def with_contacts(self, contents: Iterable[object]) -> Self:
        """Return the same with the contacts that have the appointments in decoded lists."""
        found = (each.get("contactId") for content in contents for each in _sought_events(content, self))
        return replace(self, contact_ids=self.contact_ids | {each for each in found if isinstance(each, str)})

    def holds(self, raw: object) -> bool:
        """Return whether a raw appointment is one of them."""
        if not isinstance(raw, Mapping):
            return False
        found, contact = raw.get("id"), raw.get("contactId")
        is_by_id = isinstance(found, str) and found in self.booking_ids
        return is_by_id or (isinstance(contact, str) and contact in self.contact_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationListing:
    """The sought appointments that a location's lists show.

    *is_complete*: every calendar's list was read. *unclear* are contacts with an appointment that cannot be told from a
    list: a recurring or broken one, or one that is listed twice with differences; None is any contact.
    """

    records: Mapping[str, Record] = field(default_factory=dict)
    unclear: frozenset[str | None] = frozenset()
    is_complete: bool = False

    def of_contact(self, contact_id: str) -> Sequence[Record] | None:
        """Return all appointments of a contact, None if they are not known."""
        if not self.is_complete or not self.unclear.isdisjoint({contact_id, None}):
            return None
        return [each for each in self.records.values() if each.contact_id == contact_id]


class LocationLists:
    """Requests the lists of one location, one attempt each, until *deadline* (monotonic seconds); counts the calls."""

    def __init__(self, account: Account, *, deadline: float) -> None:
        self._account = account
        self._deadline = deadline
        self.calls = 0

    async def listing(
        self,
        sought: SoughtRecords,
        *,
        plan: SweepPlan,
        zone_of: Callable[[object], Awaitable[tzinfo | None]],
    ) -> LocationListing:
        """Return the *sought* appointments in the lists; none if there are more calendars than calls.

        *zone_of* returns the zone of times without an offset.
        """
        calendar_ids = await self._calendars()
        if 1 + len(calendar_ids) > plan.most_calls:
            return LocationListing()
        contents = [await self._events(each, since=plan.since, until=plan.until) for each in calendar_ids]
        sought = sought.with_contacts(contents)
        records: list[Record] = []
        unclear: set[str | None] = set()
        for content in contents:
            # The times of the other events need no zone.
            zone = await zone_of({"events": _sought_events(content, sought)})
            listed = ghl_parsing.read_calendar_events(content, is_sought=sought.holds, zone=zone)
            records += listed.records
            unclear |= listed.unclear
        by_id = distinct(records)
        unclear |= {each.contact_id for each in records if each.appointment.id not in by_id}
        return LocationListing(records=by_id, unclear=frozenset(unclear), is_complete=bool(calendar_ids))

    async def _calendars(self) -> tuple[str, ...]:
        call = Call(
            operation=Operation.CALENDARS,
            path="/calendars/",
            query=(("locationId", self._location_id),),
            headers=CALENDARS,
            attempts=1,
        )
        return ghl_parsing.read_calendars(await self._content(call))

    async def _events(self, calendar_id: str, *, since: datetime, until: datetime) -> object:
        call = Call(
            operation=Operation.CALENDAR_EVENTS,
            path="/calendars/events",
            query=(
                ("locationId", self._location_id),
                ("calendarId", calendar_id),
                ("startTime", str(math.floor(since.timestamp() * 1000))),
                ("endTime", str(math.ceil(until.timestamp() * 1000))),
            ),
            headers=CALENDARS,
            attempts=1,
        )
        return await self._content(call)

    async def _content(self, call: Call) -> object:
        self.calls += 1
        reply = await ask_calendars(self._account, call, deadline=self._deadline)
        if reply.is_success:
            return reply.body
        raise rejection(ProviderName.HIGHLEVEL, call, reply)

    @property
    def _location_id(self) -> str:
        return self._account.credential.account or ""


def _sought_events(content: object, sought: SoughtRecords) -> Sequence[Mapping[str, object]]:
    listed = content.get("events") if isinstance(content, Mapping) else None
    return [each for each in listed if sought.holds(each)] if isinstance(listed, list) else []


def distinct(records: Iterable[Record]) -> Mapping[str, Record]:
    """Return *records* by id, without those listed twice with differences."""
    by_id: dict[str, Record] = {}
    contradictory: set[str] = set()
    for record in records:
        if by_id.setdefault(record.appointment.id, record) != record:
            contradictory.add(record.appointment.id)
    return {appointment_id: record for appointment_id, record in by_id.items() if appointment_id not in contradictory}


def answer_from_list(lead: Lead, listing: LocationListing, *, location_id: str, now: datetime) -> Answer | None:
    """Return the answer that a look-up of *lead* would give; None if the lists do not settle it.

    A booking that was called off or is over is answered with all appointments of its contact, and so is a verified lead
    with another provider's booking. Others that were deleted are left out, as in the contact's own list. A booking of
    another contact is not settled: both may be one person. An incomplete record settles nothing.
    """
    booking_id, contact_id = _booking_id(lead), identity.contact_id(lead)
    records: Sequence[Record] | None = None
    if booking_id is not None:
        record = listing.records.get(booking_id)
        if record is None or record.contact_id is None or contact_id not in {None, record.contact_id}:
            return None
        contact_id, records = record.contact_id, [record]
        if record.appointment.status is not AppointmentStatus.CONFIRMED or record.appointment.starts_at <= now:
            records = listing.of_contact(contact_id)
    elif contact_id is not None and stored_booking(lead) is not None and lead.state.verified_at is not None:
        records = listing.of_contact(contact_id)
    if records is None:
        return None
    records = [each for each in records if not each.is_deleted or each.appointment.id == booking_id]
    if not all(_is_whole(each, location_id) for each in records):
        return None
    return Answer(appointments=tuple(each.appointment for each in records), contact_id=contact_id)


def _booking_id(lead: Lead) -> str | None:
    """Return the id of the booking that *lead* has at GHL."""
    found = identity.own_booking_id(lead, ProviderName.HIGHLEVEL)
    return found if found and identity.is_ghl_id(found) else None


def _is_whole(record: Record, location_id: str) -> bool:
    """Return whether a look-up of this location would return the *record* as the list does."""
    appointment = record.appointment
    return (
        record.location_id in {None, location_id}
        and appointment.status not in INCONCLUSIVE
        and appointment.ends_at is not None
        and appointment.created_at is not None
    )
