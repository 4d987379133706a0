"""The company of one world: leads, the provider's records, and a provider that responds by a script."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import unquote

import httpx

from benchmarks.virtual_time import START
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.workspace import Workspace
from reconcile.simulator.router import Router
from reconcile.simulator.wire import Api, Request
from reconcile.simulator.world import World

APIS = {ProviderName.HIGHLEVEL: Api.GHL, ProviderName.CALENDLY: Api.CALENDLY}


class Topic(StrEnum):
    """What a request is about."""

    BOOKING = "booking"
    """One appointment, event or invitee, by its id."""
    CONTACT = "contact"
    """A contact, or its appointments."""
    SEARCH = "search"
    """All records of one e-mail address."""
    LIST = "list"
    """The calendars of an account, or their appointments."""
    ACCOUNT = "account"
    """The account itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer.

    *is_sight*: a booking that it holds is whole and sound. *is_complete*: a list that it holds is all that there is.
    *is_edited*: only the record of the booking that the lead held at first was changed in it.
    """

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    is_sight: bool = False
    is_complete: bool = False
    is_edited: bool = False


Script = Callable[["Member", Topic, bytes], Reply | None]
"""Replaces the response that the provider's records give; None keeps it."""


@dataclass(slots=True, kw_only=True)
class Member:
    """A lead as stored before the first look-up, and the provider's records of it.

    *booking* is the appointment's id, or the invitee's; *mark* is in every response with the present booking.
    *is_affected*: the world's statement is about this lead.
    """

    lead: Lead
    account: str
    email: str
    starts_at: datetime
    contact: str = ""
    booking: str = ""
    event: str = ""
    mark: str = ""
    is_affected: bool = False


@dataclass(slots=True, kw_only=True)
class Company:
    """Everything that one world holds; *seen* and *searched* are the leads that answers of this tick were about."""

    provider: ProviderName
    world: World
    workspaces: list[Workspace] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    script: Script = lambda _member, _topic, _body: None
    hides_sights: bool = False
    """The provider's own records of the affected leads cannot be read, so that no answer with them is a sight."""
    seen: set[str] = field(default_factory=set)
    searched: set[str] = field(default_factory=set)
    calls: int = 0
    _front: Router = field(init=False)
    _by_identity: dict[str, Member] = field(default_factory=dict)
    _by_lead: dict[str, Member] = field(default_factory=dict)
    _by_account: dict[str, list[Member]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        """Put a server's inside before the records."""
        self._front = Router(world=self.world)

    def add(self, member: Member) -> None:
        """Take a lead in."""
        member.mark = member.event or member.booking
        self.members.append(member)
        self._by_lead[member.lead.id] = member
        self._by_account[member.account].append(member)
        for identity in (member.contact, member.booking, member.event, member.email):
            if identity:
                self._by_identity[identity] = member

    def begin_look(self) -> None:
        """Clear the set of seen bookings."""
        self.seen.clear()
        self.searched.clear()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Respond by the script or the provider's records, and record which members the response contains."""
        self.calls += 1
        path, _, query = target.partition("?")
        request = Request(method=method, path=path, query_string=query, headers=headers, body=body)
        delivery = self._front.respond(APIS[self.provider], request)
        status = int(delivery.head[9:12])
        topic, members = self._subject(request)
        reply = Reply(status=status, body=delivery.body, is_sight=True, is_complete=True)
        names_one = topic not in {Topic.LIST, Topic.ACCOUNT}
        if members and all(each.is_affected for each in members):
            for each in members:
                reply = self.script(each, topic, reply.body) or reply
        self._note(reply, topic, members[:1] if names_one else members)
        return reply

    def follow(self, lead: Lead) -> None:
        """Take note of the booking that a lead holds by now: an answer that shows that one is a sight as well."""
        member = self._by_lead[lead.id]
        found = re.findall(r"[A-Za-z0-9-]{16,}", lead.rollup.booking_id or "")
        member.mark = found[0] if found else member.mark
        self._by_identity.setdefault(member.mark, member)

    def _note(self, reply: Reply, topic: Topic, members: list[Member]) -> None:
        if reply.status != HTTPStatus.OK:
            return
        for each in members:
            is_hidden = each.is_affected and self.hides_sights
            is_another = each.mark not in {each.booking, each.event}
            is_sight = reply.is_sight or (reply.is_edited and is_another)
            if is_sight and not is_hidden and each.mark.encode() in reply.body:
                self.seen.add(each.lead.id)
            if reply.is_complete and topic in {Topic.CONTACT, Topic.SEARCH}:
                self.searched.add(each.lead.id)

    def _subject(self, request: Request) -> tuple[Topic, list[Member]]:
        """Return the topic of a request and the leads that it names; all leads of the account if it names none."""
        text = unquote(request.path + "?" + request.query_string) + request.body.decode()
        named = [self._by_identity[each] for each in re.findall(r"[A-Za-z0-9@._-]+", text) if each in self._by_identity]
        if "@" in text:
            return (Topic.BOOKING if "/invitees" in text else Topic.SEARCH), named[:1]
        if named:
            return (Topic.CONTACT if "/contacts/" in request.path else Topic.BOOKING), named[:1]
        account = self._account(request)
        is_list = "calendars" in request.path or "scheduled_events" in request.path
        return (Topic.LIST if is_list else Topic.ACCOUNT), self._by_account.get(account, [])

    def _account(self, request: Request) -> str:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.provider is ProviderName.HIGHLEVEL:
            location = self.world.ghl.by_token.get(token)
            return location.id if location else ""
        user = self.world.calendly.by_token.get(token)
        return user.id if user else ""


class Transport(httpx.AsyncBaseTransport):
    """A provider without a network: the requests that the product's client makes, answered in the same process."""

    def __init__(self, company: Company) -> None:
        self._company = company

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        target = request.extensions["target"].decode("ascii")
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = self._company.answer(request.method, target, headers, request.content)
        return httpx.Response(
            reply.status, headers={"Content-Type": reply.content_type}, stream=httpx.ByteStream(reply.body)
        )


MEETING = START + timedelta(days=20)
"""The first lead's meeting; the others' follow by the hour."""
