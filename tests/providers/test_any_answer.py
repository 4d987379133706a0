"""Whatever a provider answers, an adapter answers decisively, skips, or raises one of this program's errors."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ProviderError
from reconcile.ports import Provider
from reconcile.providers.calendly.lookup import Calendly
from reconcile.providers.ghl.lookup import Ghl
from reconcile.providers.http.client import BaseUrl, Gateway
from tests.provider_lookup import ask
from tests.providers.arena import EMAIL, StillClock, credential, lead
from tests.providers.calendly.bodies import ANSWERS as CALENDLY_ANSWERS
from tests.providers.calendly.bodies import EVENT, INVITEE, LAST_PAGE
from tests.providers.ghl.bodies import ANSWERS as GHL_ANSWERS
from tests.providers.ghl.bodies import CONTACT, LISTED, RAW

ACCOUNT = "LocationOrUser"
PROVIDERS: Mapping[ProviderName, type[Ghl] | type[Calendly]] = {
    ProviderName.HIGHLEVEL: Ghl,
    ProviderName.CALENDLY: Calendly,
}
MINE = {"locationId": ACCOUNT, "contactId": "c", "id": "c"}
ANSWERS: Mapping[ProviderName, st.SearchStrategy[Any]] = {
    ProviderName.HIGHLEVEL: GHL_ANSWERS
    | st.sampled_from(
        [
            {"event": {**RAW, **MINE}},
            {"events": [{**LISTED, **MINE}]},
            {"contacts": [{**CONTACT, "id": "c", "locationId": ACCOUNT, "email": EMAIL}], "total": 1},
            {"location": {"timezone": "Asia/Kolkata"}},
            {"message": "Appointment not found"},
        ]
    ),
    ProviderName.CALENDLY: CALENDLY_ANSWERS
    | st.sampled_from(
        [
            {"resource": EVENT},
            {"resource": {**INVITEE, "status": "canceled", "rescheduled": True, "new_invitee": INVITEE["uri"]}},
            {"collection": [EVENT], "pagination": LAST_PAGE},
            {"collection": [{**INVITEE, "email": EMAIL}], "pagination": LAST_PAGE},
            {"title": "Resource Not Found", "message": "gone"},
        ]
    ),
}
LEADS = st.sampled_from(
    [
        lead(booking_id="c", contact_id="c", email=EMAIL),
        lead(contact_id="c"),
        lead(email=EMAIL),
        lead(booking_id=INVITEE["uri"], email=EMAIL),
        lead(booking_id=EVENT["uri"], email=EMAIL),
        lead(booking_id=EVENT["uri"]),
    ]
) | st.builds(
    lead,
    booking_id=st.none() | st.text(),
    provider=st.none() | st.sampled_from(ProviderName),
    contact_id=st.none() | st.text(),
    email=st.none() | st.text() | st.emails(),
)


class _Saying(httpx.AsyncBaseTransport):
    """Answers in turn with what was drawn, then over and over with the last."""

    def __init__(self, answers: list[tuple[int, object]]) -> None:
        self._answers = answers
        self.statuses: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        status, content = self._answers[min(len(self.statuses), len(self._answers) - 1)]
        self.statuses.append(status)
        assert request.url.host == "127.0.0.1"
        return httpx.Response(status, content=json.dumps(content).encode())


@pytest.mark.parametrize("name", PROVIDERS)
@given(data=st.data(), subject=LEADS)
def test_every_answer_ends_in_one_of_three_ways(name: ProviderName, data: st.DataObject, subject: Lead) -> None:
    """And says absent only after a 404 or a 400, and never of what it reports."""
    status = st.sampled_from([200, 200, 200, 201, 204, 400, 404, 422, 403])
    drawn = st.tuples(status, ANSWERS[name])
    transport = _Saying(data.draw(st.lists(drawn, min_size=1, max_size=5)))
    workspace = Workspace(
        id=WorkspaceId("ws"), credentials={name: credential(name, "token", ACCOUNT)}, timezone="Asia/Kolkata"
    )
    base = BaseUrl.parse("http://127.0.0.1:1", where="a test")
    provider: Provider = PROVIDERS[name](
        Gateway(provider=name, base=base, transport=transport, clock=StillClock(), random=lambda: 0.5)
    )

    try:
        answer = asyncio.run(ask(provider, subject, workspace, deadline=1050.0))
    except ProviderError:
        return

    if isinstance(answer, SkipReason):
        return
    assert isinstance(answer, Answer)
    assert not answer.absent or {400, 404} & set(transport.statuses)
    assert not answer.absent & {each.id for each in answer.appointments}
    assert all(each.starts_at.utcoffset() is not None for each in answer.appointments)
    assert len({each.id for each in answer.appointments}) == len(answer.appointments)
