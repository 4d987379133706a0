"""Bulk listing of the appointments in a location's calendars, and the leads that it settles."""

import math
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from datetime import datetime, tzinfo

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.providers import identity
from reconcile.providers.account import Account, rejection
from reconcile.providers.ghl import parsing as ghl_parsing
from reconcile.providers.ghl.parsing import Record
from reconcile.providers.ghl.versions import CALENDARS, ask_calendars
from reconcile.providers.http.call import Call


class LocationLists:
    """Requests the lists of one location, one attempt each, until *deadline* (monotonic seconds); counts the calls."""

    def __init__(self, account: Account, *, deadline: float) -> None:
        self._account = account
        self._deadline = deadline
        self.calls = 0
        self.is_complete = False
        """Whether every calendar's list was read."""

    async def listed_records(
        self,
        wanted: Container[str],
        *,
        plan: SweepPlan,
        zone_of: Callable[[object], Awaitable[tzinfo | None]],
    ) -> Mapping[str, Record]:
        """Return the listed appointments with *wanted* ids by id; none if there are more calendars than calls.

        *zone_of* returns the zone of times without an offset. Appointments listed twice with differences are left out.
        """
        calendar_ids = await self._calendars()
        if 1 + len(calendar_ids) > plan.most_calls:
            return {}
        records: list[Record] = []
        for calendar_id in calendar_ids:
            content = await self._events(calendar_id, since=plan.since, until=plan.until)
            zone = await zone_of(_filter_events(content, wanted))
            records += ghl_parsing.read_calendar_events(content, wanted=wanted, zone=zone)
        self.is_complete = bool(calendar_ids)
        return distinct(records)

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


def _filter_events(content: object, wanted: Container[str]) -> object:
    """Return the list with *wanted* events only: the times of the others need no zone."""
    listed = content.get("events") if isinstance(content, Mapping) else None
    if not isinstance(listed, list):
        return None
    return {"events": [each for each in listed if isinstance(each, Mapping) and _has_id(each, wanted)]}


def distinct(records: Iterable[Record]) -> Mapping[str, Record]:
    """Return *records* by id, without those listed twice with differences."""
    by_id: dict[str, Record] = {}
    contradictory: set[str] = set()
    for record in records:
        if by_id.setdefault(record.appointment.id, record) != record:
            contradictory.add(record.appointment.id)
    return {appointment_id: record for appointment_id, record in by_id.items() if appointment_id not in contradictory}


def answer_from_list(lead: Lead, record: Record | None, *, location_id: str, now: datetime) -> Answer | None:
    """Return the answer of a look-up of *lead* that would return *record*; None if the list does not settle it.

    A look-up of a canceled or past booking continues with the person's other bookings, and that of another contact's
    booking with the question whether both are one person. A list answers neither. An incomplete record settles nothing.
    """
    if record is None or record.contact_id is None or record.location_id not in {None, location_id}:
        return None
    appointment, own = record.appointment, identity.contact_id(lead)
    if (
        appointment.status is not AppointmentStatus.CONFIRMED
        or appointment.starts_at <= now
        or own not in {None, record.contact_id}
    ):
        return None
    if appointment.ends_at is None or appointment.created_at is None:
        return None
    return Answer(appointments=(appointment,), contact_id=own or record.contact_id)


def _has_id(raw: Mapping[str, object], wanted: Container[str]) -> bool:
    found = raw.get("id")
    return isinstance(found, str) and found in wanted
