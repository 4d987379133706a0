"""GHL look-ups: one appointment by id, the appointments of a contact, a contact by exact e-mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from functools import partial
from types import TracebackType
from typing import Self

from reconcile.domain.coordination.rate_limit import GHL_LIMIT
from reconcile.domain.evidence.bulk_listing import SweepCost, SweepPlan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass
from reconcile.ports import Sweep, Usage
from reconcile.providers import identity
from reconcile.providers.account import Account, Accounts, Published, rejection, unusable_response
from reconcile.providers.ghl import absence as ghl_absence
from reconcile.providers.ghl import listing as ghl_listing
from reconcile.providers.ghl import parsing as ghl_parsing
from reconcile.providers.ghl.listing import SoughtRecords
from reconcile.providers.ghl.occurrence import with_requested_id
from reconcile.providers.ghl.parsing import Contact, Record
from reconcile.providers.ghl.person import LONGEST_VALUE, ContactList, PersonSearch
from reconcile.providers.ghl.versions import CALENDARS, CONTACTS, ask_calendars
from reconcile.providers.ghl.zones import LocationZones, LookupSkipped
from reconcile.providers.http.call import Call, Reply
from reconcile.providers.http.client import Gateway

_PAGE_LIMIT = 20
_MOST_VAGUE = 5
"""Appointments of one contact without a clear status that are looked up by id; the status of others is unknown."""
_MOST_CONTACTS = 5
"""More contacts than this with one address are not duplicates of one person."""
_SWEEP_COST = SweepCost(fixed=3, lookup=1, past_lookup=2)
"""Assumes two calendars; the first call returns their number."""
_PUBLISHED = Published(calls=100, window=timedelta(seconds=10), assumed=GHL_LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AccountContext:
    """A workspace's account, and the deadline of its calls (monotonic seconds)."""

    workspace: Workspace
    account: Account
    deadline: float

    @property
    def location_id(self) -> str | None:
        return self.account.credential.account


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question(_AccountContext):
    lead: Lead


class Ghl:
    """GHL for all workspaces; implements ``Provider``. Leaving it as a context manager closes the connections."""

    name = ProviderName.HIGHLEVEL

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._accounts = Accounts(gateway, _PUBLISHED)
        self._zones = LocationZones(gateway)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._gateway.transport.aclose()

    def lookup(self, lead: Lead, workspace: Workspace) -> Lookup | SkipReason:
        """Return how *lead* is looked up: by booking id, else by contact, else by e-mail; or why it cannot be."""
        credential = workspace.credentials.get(self.name)
        if credential is None:
            return SkipReason.NOT_CONFIGURED
        booking_id = identity.own_booking_id(lead, self.name)
        if booking_id and identity.is_ghl_id(booking_id):
            return Lookup(provider=self.name, operation=Operation.APPOINTMENT, subject=booking_id)
        if contact_id := identity.contact_id(lead):
            return Lookup(provider=self.name, operation=Operation.CONTACT_APPOINTMENTS, subject=contact_id)
        if not (address := identity.address(lead, longest=LONGEST_VALUE)):
            return SkipReason.UNREADABLE_BOOKING_ID if booking_id else SkipReason.NO_IDENTITY
        if not credential.account:
            return SkipReason.NOT_CONFIGURED
        return Lookup(provider=self.name, operation=Operation.CONTACT_SEARCH, subject=address)

    async def answer(self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Look *lead* up; raises ProviderError if GHL's response is not decisive."""
        return await self._answer(lead, lookup, workspace, deadline=deadline, is_control=False)

    async def check_lists(self, lead: Lead, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Look the booking of *lead* up, and the appointments of its contact."""
        lookup = self.lookup(lead, workspace)
        if isinstance(lookup, SkipReason):
            return lookup
        return await self._answer(lead, lookup, workspace, deadline=deadline, is_control=True)

    async def _answer(
        self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float, is_control: bool
    ) -> Answer | SkipReason:
        account = self._accounts.of(workspace)
        if account is None:
            return SkipReason.NOT_CONFIGURED
        question = _Question(lead=lead, workspace=workspace, account=account, deadline=deadline)
        search = PersonSearch(
            lead=lead,
            now=self._gateway.clock.now(),
            appointment=partial(self._appointment, question),
            listed=partial(self._contact_appointments, question),
            contacts=partial(self._contacts, question) if question.location_id else None,
        )
        try:
            match lookup.operation:
                case Operation.APPOINTMENT:
                    return await search.by_id(lookup.subject, is_control=is_control)
                case Operation.CONTACT_APPOINTMENTS:
                    return await search.by_contacts(lookup.subject)
                case _:
                    return await search.by_contacts()
        except LookupSkipped as lack:
            return lack.reason

    def sweep_cost(self, workspace: Workspace) -> SweepCost | None:
        """Return the calls of a bulk listing: the list of calendars, and one list of events for each."""
        credential = workspace.credentials.get(self.name)
        return _SWEEP_COST if credential and credential.account else None

    async def sweep(self, leads: Sequence[Lead], workspace: Workspace, *, plan: SweepPlan, deadline: float) -> Sweep:
        """Return answers for those *leads* whose booking is listed, or that have another provider's."""
        account = self._accounts.of(workspace)
        location_id = account.credential.account if account else None
        if account is None or location_id is None:
            return Sweep()
        context = _AccountContext(workspace=workspace, account=account, deadline=deadline)
        sought = SoughtRecords.of(leads)
        lists = ghl_listing.LocationLists(account, deadline=deadline)
        try:
            listing = await lists.listing(sought, plan=plan, zone_of=lambda content: self._zone(context, content))
        except LookupSkipped:
            return Sweep(calls=lists.calls)
        now = self._gateway.clock.now()
        found = {
            each.id: ghl_listing.answer_from_list(each, listing, location_id=location_id, now=now) for each in leads
        }
        mentioned = len(sought.booking_ids & listing.records.keys()) if listing.is_complete else None
        return Sweep(
            answers={lead_id: answer for lead_id, answer in found.items() if answer},
            calls=lists.calls,
            mentioned=mentioned,
        )

    def usage(self, workspace: Workspace) -> Usage:
        """Return the usage of the workspace's location since the last call of this method, and reset it."""
        return self._accounts.usage(workspace)

    async def _appointment(self, question: _Question, booking_id: str) -> Record | None:
        call = Call(
            operation=Operation.APPOINTMENT,
            path="/calendars/events/appointments/{appointment_id}",
            path_params={"appointment_id": booking_id},
            headers=CALENDARS,
        )
        reply = await self._reply_unless_missing(question, call, ghl_absence.APPOINTMENT, booking_id)
        if reply is None:
            return None
        found = ghl_parsing.read_appointment(reply.body, zone=await self._zone(question, reply.body))
        record = with_requested_id(found, booking_id)
        if record is None:
            raise unusable_response(self.name, call, "GHL answered with another appointment than the requested one")
        self._check_location(question, call, record.location_id)
        return record

    async def _contact_appointments(self, question: _Question, contact_id: str) -> ContactList | None:
        """Return the appointments of a contact; None if the contact does not exist."""
        call = Call(
            operation=Operation.CONTACT_APPOINTMENTS,
            path="/contacts/{contact_id}/appointments",
            path_params={"contact_id": contact_id},
            headers=CONTACTS,
        )
        reply = await self._reply_unless_missing(question, call, ghl_absence.CONTACT, contact_id)
        if reply is None:
            return None
        listed = ghl_parsing.read_contact_appointments(reply.body, zone=await self._zone(question, reply.body))
        for fault in listed.faults:
            keys = ", ".join(fault.shape)
            question.account.note(f"workspace {question.workspace.id}: {fault}; its other records were read ({keys})")
        for record in listed.records:
            self._check_location(question, call, record.location_id)
            if record.contact_id not in {None, contact_id}:
                raise unusable_response(
                    self.name, call, "GHL listed appointments of another contact than the requested one"
                )
        records = await self._with_clear_status(question, listed.records)
        return ContactList(appointments=tuple(record.appointment for record in records), is_complete=not listed.faults)

    async def _with_clear_status(self, question: _Question, records: Sequence[Record]) -> Sequence[Record]:
        """Look up by id those *records* without a clear status in the list, upcoming ones first."""
        now = self._gateway.clock.now()
        vague = [each.appointment for each in records if each.is_vague]
        vague.sort(key=lambda each: (each.starts_at <= now, abs(each.starts_at - now)))
        looked_up = {each.id: await self._appointment(question, each.id) for each in vague[:_MOST_VAGUE]}
        return [looked_up.get(each.appointment.id) or each for each in records]

    async def _contacts(self, question: _Question, address: str) -> Sequence[Contact]:
        """Return the contacts with exactly this *address*, as first or additional one.

        Raises LookupSkipped if there are too many.
        """
        call = Call(
            operation=Operation.CONTACT_SEARCH,
            path="/contacts/search",
            method="POST",
            json={
                "locationId": question.location_id,
                "pageLimit": _PAGE_LIMIT,
                "filters": [{"field": "email", "operator": "eq", "value": address}],
            },
            headers=CONTACTS,
        )
        contacts, beyond = ghl_parsing.read_contacts(await question.account.content(call, deadline=question.deadline))
        matching = [each for each in contacts if address in each.emails]
        if beyond or len(matching) > _MOST_CONTACTS:
            raise LookupSkipped(SkipReason.AMBIGUOUS_CONTACT)
        for each in matching:
            self._check_location(question, call, each.location_id)
        return matching

    async def _reply_unless_missing(
        self, question: _Question, call: Call, nouns: frozenset[str], resource_id: str
    ) -> Reply | None:
        """Make *call* and return a success; None if GHL says that the resource does not exist; raises ProviderError."""
        ask = ask_calendars if call.operation is Operation.APPOINTMENT else Account.ask
        reply = await ask(question.account, call, deadline=question.deadline)
        if ghl_absence.says_not_found(reply, nouns, resource_id):
            return None
        if not reply.is_success:
            raise rejection(self.name, call, reply)
        return reply

    def _check_location(self, question: _AccountContext, call: Call, location_id: str | None) -> None:
        if location_id and question.location_id and location_id != question.location_id:
            message = "GHL answered from another location than the workspace's: its token and its location do not match"
            raise unusable_response(self.name, call, message, error_class=ErrorClass.CREDENTIAL)

    async def _zone(self, question: _AccountContext, content: object) -> tzinfo | None:
        """Return the zone of times without an offset in *content*; None if there are none."""
        return await self._zones.of(content, question.workspace, question.account, deadline=question.deadline)
