"""Lists that a provider gives page by page: nothing is left out, nothing comes twice, and a cut list is no answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest

from reconcile.domain.credential import Credential
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.ids import LeadId, Operation, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, ProviderError
from reconcile.providers.account import Account
from reconcile.providers.calendly.listing import sweep
from reconcile.providers.calendly.requests import CalendlyCalls
from reconcile.providers.ghl.lookup import Ghl
from reconcile.providers.http.call import Call, Reply
from reconcile.providers.http.client import BaseUrl, Gateway
from tests.provider_lookup import ask as look_up
from tests.providers.arena import DEADLINE, NOW, StillClock, credential, lead
from tests.providers.calendly.bodies import EVENT, INVITEE, ORIGIN
from tests.providers.ghl.bodies import CONTACT
from tests.services.page_sizes import sizes_around

PAGE = 100
MOST_PAGES = 10
CONTACTS = 20
EVENT_ID = "GBGBDCAADAEDCRZ2"
ADDRESS = "ann@example.com"
CREDENTIAL = credential(ProviderName.CALENDLY, "a-token", "https://api.calendly.com/users/U")


@dataclass
class PagedAccount:
    """A Calendly account that lists *items* in pages of the size that is asked for, by tokens."""

    items: Sequence[dict[str, Any]]
    user_id: str | None = "U"
    organization_id: str | None = None
    calls: list[Call] = field(default_factory=list)
    credential: Credential = CREDENTIAL

    async def ask(self, call: Call, *, deadline: float) -> Reply:
        self.calls.append(call)
        query = dict(call.query)
        start, count = int(query.get("page_token", "0")), int(query["count"])
        rest = self.items[start:]
        token = str(start + count) if len(rest) > count else None
        body = {"collection": list(rest[:count]), "pagination": {"next_page_token": token, "next_page": None}}
        return Reply(status=200, body=body)


def reads(account: PagedAccount) -> CalendlyCalls:
    return CalendlyCalls(cast("Account", account), deadline=DEADLINE)


def invitee(number: int) -> dict[str, Any]:
    return {**INVITEE, "uri": f"{ORIGIN}/scheduled_events/{EVENT_ID}/invitees/I{number:04}", "email": ADDRESS}


def event(number: int) -> dict[str, Any]:
    starts = (NOW + timedelta(hours=number + 1)).isoformat()
    return {**EVENT, "uri": f"{ORIGIN}/scheduled_events/E{number:04}", "start_time": starts, "end_time": starts}


@pytest.mark.parametrize("size", sizes_around(PAGE))
async def test_every_invitee_of_an_event_is_read(size: int) -> None:
    account = PagedAccount([invitee(number) for number in range(size)])

    found = await reads(account).invitees(EVENT_ID, ADDRESS)

    assert found is not None
    assert [each.reference.invitee for each in found] == [f"I{number:04}" for number in range(size)]
    assert len(account.calls) == max(1, -(-size // PAGE))
    assert {dict(call.query).get("email") for call in account.calls} == {ADDRESS}


@pytest.mark.parametrize("size", sizes_around(PAGE))
async def test_every_event_of_an_address_is_read(size: int) -> None:
    account = PagedAccount([event(number) for number in range(size)])

    found = await reads(account).events(ADDRESS, since=NOW, until=NOW + timedelta(days=90))

    assert [each.id for each in found] == [f"E{number:04}" for number in range(size)]
    filters = [{name: text for name, text in call.query if name != "page_token"} for call in account.calls]
    assert all(each == filters[0] for each in filters)
    assert filters[0]["invitee_email"] == ADDRESS


@pytest.mark.parametrize(("pages", "is_read"), [(MOST_PAGES, True), (MOST_PAGES + 1, False)])
async def test_a_list_with_too_many_pages_is_no_answer(pages: int, is_read: bool) -> None:
    account = PagedAccount([invitee(number) for number in range(PAGE * (pages - 1) + 1)])

    if is_read:
        found = await reads(account).invitees(EVENT_ID, None)
        assert found is not None
        assert len(found) == len(account.items)
    else:
        with pytest.raises(ProviderError, match="has too many pages") as caught:
            await reads(account).invitees(EVENT_ID, None)
        assert caught.value.error_class is ErrorClass.UNDECODABLE
    assert len(account.calls) == MOST_PAGES


def group_lead(number: int) -> Lead:
    """Return a lead that has a place in the event of the same number."""
    booking = f"{ORIGIN}/scheduled_events/E{number:04}/invitees/I"
    return replace(lead(booking_id=booking, provider=ProviderName.CALENDLY), id=LeadId(f"lead-{number:04}"))


@dataclass
class ListedAccount(PagedAccount):
    """Also gives the one invitee of each event."""

    calls_left = None

    async def ask(self, call: Call, *, deadline: float) -> Reply:
        if call.operation is not Operation.INVITEES:
            return await super().ask(call, deadline=deadline)
        self.calls.append(call)
        uri = f"{ORIGIN}/scheduled_events/{call.path_params['event']}"
        one = {**INVITEE, "uri": f"{uri}/invitees/I", "event": uri}
        body = {"collection": [one], "pagination": {"next_page_token": None, "next_page": None}}
        return Reply(status=200, body=body)


@pytest.mark.parametrize("size", sizes_around(PAGE))
async def test_a_sweep_settles_the_leads_of_every_page_of_events(size: int) -> None:
    account = ListedAccount([event(number) for number in range(size)])
    wanted = [group_lead(number) for number in sorted({0, size - 2, size - 1}) if 0 <= number < size]
    plan = SweepPlan(since=NOW, until=NOW + timedelta(days=90), expected_calls=1, most_calls=50)

    answers, mentioned = await sweep(reads(account), wanted, plan=plan, now=NOW)

    assert sorted(answers) == [each.id for each in wanted]
    assert all(isinstance(each, Answer) for each in answers.values())
    assert mentioned == (len(wanted) or None)


class Search(httpx.AsyncBaseTransport):
    """Answers a search for contacts with at most as many as were asked for; their appointments are none."""

    def __init__(self, contacts: Sequence[dict[str, Any]]) -> None:
        self._contacts = contacts
        self.listed: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = request.extensions["target"].decode()
        if "search" not in target:
            self.listed.append(target.split("/")[-2])
            return httpx.Response(200, json={"events": []})
        limit = httpx.Response(200, content=request.content).json()["pageLimit"]
        return httpx.Response(200, json={"contacts": self._contacts[:limit], "total": len(self._contacts)})


def contact(number: int, address: str = ADDRESS) -> dict[str, Any]:
    return {**CONTACT, "id": f"contact-{number:02}", "locationId": "loc", "email": address, "additionalEmails": []}


async def asked(contacts: Sequence[dict[str, Any]]) -> tuple[object, list[str]]:
    """Ask GHL about a lead that is known by its address; also return whose appointments were listed."""
    over = Search(contacts)
    gateway = Gateway(
        provider=ProviderName.HIGHLEVEL,
        base=BaseUrl.parse("https://services.example.com", where="a test"),
        transport=over,
        clock=StillClock(),
        random=lambda: 0.5,
    )
    workspace = Workspace(
        id=WorkspaceId("ws"),
        credentials={ProviderName.HIGHLEVEL: credential(ProviderName.HIGHLEVEL, "a-token", "loc")},
    )
    return await look_up(Ghl(gateway), lead(email=ADDRESS), workspace, deadline=DEADLINE), over.listed


@pytest.mark.parametrize("matching", [1, 2, 5])
@pytest.mark.parametrize("others", [0, CONTACTS - 5])
async def test_the_appointments_of_every_contact_with_the_address_are_listed(matching: int, others: int) -> None:
    """Also of those behind contacts that the search found by a similar address."""
    similar = [contact(number, "ann@example.com.invalid") for number in range(others)]
    found = [contact(number) for number in range(others, others + matching)]

    _, listed = await asked([*similar, *found])

    assert listed == [each["id"] for each in found]


@pytest.mark.parametrize(
    ("contacts", "why"),
    [
        ([contact(number) for number in range(6)], "more contacts of one address than are followed"),
        ([contact(0), *(contact(n, "x@example.com") for n in range(CONTACTS))], "more contacts than one page holds"),
    ],
)
async def test_a_contact_list_with_too_many_pages_is_no_answer(contacts: list[dict[str, Any]], why: str) -> None:
    """The customer's own doing, so that the lead is skipped with its reason and the provider is not to blame."""
    found, listed = await asked(contacts)

    assert found is SkipReason.AMBIGUOUS_CONTACT, why
    assert listed == []
