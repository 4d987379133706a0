"""Calendly's calls for one lead: single resources, and lists page by page; each event is requested once."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from reconcile.domain.evidence.booking_reference import CalendlyReference
from reconcile.domain.ids import Operation, ProviderName
from reconcile.errors import ContractFault, ErrorClass, ProviderError, ProviderRejected
from reconcile.providers.account import Account, rejection, unusable_response
from reconcile.providers.calendly import parsing as calendly_parsing
from reconcile.providers.calendly.booking_state import BookedInvitee
from reconcile.providers.calendly.parsing import Event, Invitee, Owner, Page
from reconcile.providers.http.call import Call

_USERS = "https://api.calendly.com/users/"
_ORGANIZATIONS = "https://api.calendly.com/organizations/"
_FORBIDDEN = 403
_PAGE = ("count", "100")
_MOST_PAGES = 10

Item = TypeVar("Item")
Answered = TypeVar("Answered")


class CalendlyCalls:
    """Calls with the credential of one account, until *deadline* (monotonic seconds).

    A result of None means that Calendly says the resource does not exist. Each call has at most *attempts* attempts, if
    given; *calls* counts the calls, and *faults* the unreadable records of lists.
    """

    def __init__(self, account: Account, *, deadline: float, attempts: int | None = None) -> None:
        self._account = account
        self._deadline = deadline
        self._attempts = attempts
        self.calls = 0
        self.faults: list[ContractFault] = []
        self._events: dict[str, Event] = {}

    @property
    def has_calls_left(self) -> bool:
        """Whether the account may make another call, by the provider's last headers."""
        return self._account.calls_left != 0

    async def booked_invitee(self, reference: CalendlyReference) -> BookedInvitee | None:
        """Return an invitee with the event."""
        invitee = await self.invitee(reference)
        return await self.with_event(invitee) if invitee else None

    async def with_event(self, invitee: Invitee) -> BookedInvitee | None:
        """Return *invitee* with its event."""
        event = await self.event(invitee.reference.event)
        return BookedInvitee(event=event, invitee=invitee) if event else None

    async def event(self, event_id: str) -> Event | None:
        """Return one event."""
        if event_id in self._events:
            return self._events[event_id]
        call = Call(
            operation=Operation.SCHEDULED_EVENT, path="/scheduled_events/{event}", path_params={"event": event_id}
        )
        content = await self._content(call)
        if content is None:
            return None
        event = calendly_parsing.read_event(content)
        if event.id != event_id:
            raise _wrong_record(call)
        self._events[event_id] = event
        return event

    async def invitee(self, reference: CalendlyReference) -> Invitee | None:
        """Return one invitee."""
        call = Call(
            operation=Operation.INVITEE,
            path="/scheduled_events/{event}/invitees/{invitee}",
            path_params={"event": reference.event, "invitee": reference.invitee or ""},
        )
        content = await self._content(call)
        if content is None:
            return None
        invitee = calendly_parsing.read_invitee(content)
        if invitee.reference != reference:
            raise _wrong_record(call)
        return invitee

    async def invitees(self, event_id: str, address: str | None) -> Sequence[Invitee] | None:
        """Return the invitees of an event with exactly this *address*, or all of them if it is None."""
        call = Call(
            operation=Operation.INVITEES,
            path="/scheduled_events/{event}/invitees",
            path_params={"event": event_id},
            query=(_PAGE,) if address is None else (("email", address), _PAGE),
        )
        invitees = await self._all(call, calendly_parsing.read_invitees)
        if invitees is None:
            return None
        if any(each.reference.event != event_id for each in invitees):
            raise _wrong_record(call)
        return [each for each in invitees if address in {None, each.email}]

    async def events(self, address: str, *, since: datetime, until: datetime) -> Sequence[Event]:
        """Return the events of the account's user, also canceled ones, that have or had an invitee with *address*."""

        async def ask() -> Sequence[Event]:
            call = await self._events_call(("invitee_email", address), since=since, until=until)
            return await self._all(call, calendly_parsing.read_events, must_exist=True) or ()

        events = await self._in_organization(ask)
        self._events.update((each.id, each) for each in events)
        return events

    async def events_page(self, *, since: datetime, until: datetime, is_active: bool, token: str | None) -> Page[Event]:
        """Return a page of the events of the account's user, soonest first; canceled ones too unless *is_active*."""
        status = (("status", "active"),) if is_active else ()

        async def ask() -> Page[Event]:
            call = await self._events_call(*status, ("sort", "start_time:asc"), since=since, until=until, token=token)
            return calendly_parsing.read_events(await self._content(call, must_exist=True))

        return await self._in_organization(ask)

    async def _events_call(
        self, *filters: tuple[str, str], since: datetime, until: datetime, token: str | None = None
    ) -> Call:
        window = (("min_start_time", _format_instant(since)), ("max_start_time", _format_instant(until)))
        page = (_PAGE,) if token is None else (_PAGE, ("page_token", token))
        whose = [("user", f"{_USERS}{await self._user()}")]
        if self._account.organization_id:
            whose.append(("organization", f"{_ORGANIZATIONS}{self._account.organization_id}"))
        return Call(
            operation=Operation.SCHEDULED_EVENTS,
            path="/scheduled_events",
            query=(*whose, *filters, *window, *page),
        )

    async def _in_organization(self, ask: Callable[[], Awaitable[Answered]]) -> Answered:
        """Request events; if that is refused, once more with the organization.

        Calendly refuses an administrator's token for another user's events without the organization.
        """
        try:
            return await ask()
        except ProviderRejected as error:
            if error.status != _FORBIDDEN or not await self._needs_organization():
                raise
        return await ask()

    async def _needs_organization(self) -> bool:
        account = self._account
        configured = calendly_parsing.user_id(account.credential.account)
        if configured is None or account.user_id is not None:
            return False
        owner = await self._owner()
        if owner.user_id == configured or owner.organization_id is None:
            return False
        account.organization_id = owner.organization_id
        return True

    async def _user(self) -> str:
        account = self._account
        found = calendly_parsing.user_id(account.credential.account) or account.user_id
        return found or (await self._owner()).user_id

    async def _owner(self) -> Owner:
        call = Call(operation=Operation.CURRENT_USER, path="/users/me", attempts=self._attempts)
        self.calls += 1
        owner = calendly_parsing.read_owner(await self._account.content(call, deadline=self._deadline))
        self._account.user_id = owner.user_id
        return owner

    async def _all(
        self, call: Call, read: Callable[[object], Page[Item]], *, must_exist: bool = False
    ) -> Sequence[Item] | None:
        """Return the items of all pages, each requested with all filters; raises ProviderRejected if one is missing."""
        items: list[Item] = []
        tokens: set[str] = set()
        page_call = call
        for _ in range(_MOST_PAGES):
            content = await self._content(page_call, must_exist=must_exist)
            if content is None:
                return None
            page = read(content)
            items += page.items
            self.faults += page.faults
            if page.token is None:
                return items
            if page.token in tokens:
                break
            tokens.add(page.token)
            page_call = replace(call, query=(*call.query, ("page_token", page.token)))
        message = f"Calendly's list of {call.operation} has too many pages"
        raise unusable_response(ProviderName.CALENDLY, call, message, error_class=ErrorClass.UNDECODABLE)

    async def _content(self, call: Call, *, must_exist: bool = False) -> object | None:
        """Return the body of a success; None if the resource does not exist, unless it *must_exist*."""
        self.calls += 1
        limited = call if self._attempts is None else replace(call, attempts=self._attempts)
        reply = await self._account.ask(limited, deadline=self._deadline)
        if reply.is_success:
            return reply.body if reply.body is not None else {}
        if not must_exist and calendly_parsing.is_missing(reply):
            return None
        raise rejection(ProviderName.CALENDLY, call, reply)


@contextmanager
def suppress_hidden_user() -> Iterator[None]:
    """Suppress the failure of a token that may not read its own user: it can still read a stored booking."""
    try:
        yield
    except ProviderError as error:
        if error.operation != Operation.CURRENT_USER or error.error_class is not ErrorClass.CREDENTIAL:
            raise


def _wrong_record(call: Call) -> Exception:
    message = f"Calendly answered {call.operation} with another record than the requested one"
    return unusable_response(ProviderName.CALENDLY, call, message)


def _format_instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
