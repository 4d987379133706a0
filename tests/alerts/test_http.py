"""Every channel that speaks HTTP, against a server that confirms, refuses, hangs, or is somebody else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from reconcile.alerts.pagerduty import PagerDuty
from reconcile.alerts.post import Post
from reconcile.alerts.resend import Resend
from reconcile.alerts.slack import Slack
from reconcile.alerts.webhook import Webhook
from reconcile.domain.alert import News
from reconcile.errors import AlertNotDelivered
from reconcile.ports import AlertChannel
from reconcile.providers.http.client import AiohttpTransport
from reconcile.wire.signing import signature_headers
from tests.alerts.messages import AT, OVER, PARKED, a_message, a_notice
from tests.alerts.messages import RealClock as Clock
from tests.integration.receiver import Delivery, Receiver, a_receiver
from tests.timeouts import HUNG

KEY = "c4n4ry-key-of-the-service"
CONFIRMED = {
    "slack": (200, "ok"),
    "webhook": (204, ""),
    "pagerduty": (202, '{"status":"success","message":"Event processed","dedup_key":"x"}'),
    "resend": (200, '{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}'),
}
PAGE = "<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>"


def answer(status: int, body: str = "", *headers: str) -> bytes:
    length = [] if status == 204 else [f"Content-Length: {len(body)}"]
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *length, *headers, "", body]).encode()


@dataclass
class Trial:
    """One channel, and the server at its other end."""

    channel: AlertChannel
    receiver: Receiver

    def says(self, status: int, body: str = "", *headers: str) -> None:
        self.receiver.answer = answer(status, body, *headers)

    async def deliver(self, *, within: float = 10.0, **message: object) -> None:
        await self.channel.deliver(a_message(**message), deadline=time.monotonic() + within)  # type: ignore[arg-type]

    async def refused(self, *, within: float = 10.0) -> AlertNotDelivered:
        with pytest.raises(AlertNotDelivered) as caught:
            await self.deliver(within=within)
        assert caught.value.__context__ is None
        assert "c4n4ry" not in repr(caught.value)
        assert "127.0.0.1" not in str(caught.value)
        return caught.value

    @property
    def delivery(self) -> Delivery:
        (one,) = self.receiver.deliveries
        return one


MAKE: dict[str, Callable[[str, Post], AlertChannel]] = {
    "slack": lambda origin, post: Slack(f"{origin}/services/c4n4ry", post=post),
    "webhook": lambda origin, post: Webhook(f"{origin}/c4n4ry", key=KEY.encode(), post=post),
    "pagerduty": lambda origin, post: PagerDuty(origin, key=KEY, post=post),
    "resend": lambda origin, post: Resend(
        origin, key=KEY, sender="alerts@example.com", recipients=("c4n4ry@example.com",), post=post
    ),
}


@pytest.fixture(params=MAKE)
async def trial(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    async with a_receiver() as receiver, AiohttpTransport() as transport:
        origin = receiver.url.removesuffix("/hook")
        channel = MAKE[request.param](origin, Post(name=request.param, transport=transport, clock=Clock()))
        found = Trial(channel=channel, receiver=receiver)
        found.says(*CONFIRMED[request.param])
        yield found


async def test_a_confirmed_message_is_delivered(trial: Trial) -> None:
    await trial.deliver()

    assert trial.delivery.headers["content-type"] == "application/json"
    assert "GoHighLevel" in trial.delivery.body.decode()


async def test_a_429_is_no_confirmation_and_has_its_wait(trial: Trial) -> None:
    trial.says(429, "slow down", "Retry-After: 17")

    error = await trial.refused()

    assert str(error).endswith("answered 429")
    assert error.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 410, 500, 503])
async def test_no_other_status_confirms_and_no_redirect_is_followed(trial: Trial, status: int) -> None:
    trial.says(status, PAGE, "Location: /elsewhere")

    error = await trial.refused()

    assert str(error).endswith(f"answered {status}")
    assert len(trial.receiver.deliveries) == 1


async def test_a_foreign_page_is_no_confirmation_if_the_service_has_its_own(trial: Trial) -> None:
    """A webhook's receiver may say what it likes."""
    trial.says(200, PAGE * 1000)

    if isinstance(trial.channel, Webhook):
        await trial.deliver()
    else:
        assert "without" in str(await trial.refused())


async def test_a_hanging_service_is_abandoned_in_time(trial: Trial) -> None:
    trial.receiver.is_shut = True
    async with asyncio.timeout(HUNG):
        error = await trial.refused(within=0.2)

    assert str(error).endswith("did not answer in time")


async def test_a_body_that_never_ends_is_given_up_in_time(trial: Trial) -> None:
    trial.receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok"

    assert str(await trial.refused(within=0.2)).endswith("did not answer in time")


async def test_an_absent_service_cannot_be_reached(trial: Trial) -> None:
    async with a_receiver() as gone:
        origin = gone.url.removesuffix("/hook")
    async with AiohttpTransport() as transport:
        name = trial.channel.name.replace("email", "resend")
        trial.channel = MAKE[name](origin, Post(name=name, transport=transport, clock=Clock()))

        assert "could not be reached" in str(await trial.refused())


async def test_nothing_is_sent_after_the_deadline(trial: Trial) -> None:
    await trial.refused(within=-1)

    assert trial.receiver.deliveries == []


@pytest.mark.parametrize("trial", ["webhook"], indirect=True)
async def test_a_webhook_is_signed_and_names_each_notice(trial: Trial) -> None:
    await trial.channel.deliver(a_message(a_notice(), a_notice(PARKED)), deadline=time.monotonic() + HUNG)

    delivery = trial.delivery
    proof = signature_headers("alert-1", delivery.body, key=KEY.encode(), at=AT)
    assert {name: delivery.headers[name] for name in proof} == proof
    assert delivery.key == "alert-1"
    document = json.loads(delivery.body)
    first, second = document.pop("notices")
    assert document == {
        "id": "alert-1",
        "type": "alerts",
        "source": "calendars/prod",
        "at": "2026-11-24T09:17:00+00:00",
    }
    assert first == {
        "id": "provider_breaker:ghl@t/new/0",
        "news": "new",
        "alert": "provider_breaker:ghl",
        "kind": "provider_breaker",
        "subject": "ghl",
        "severity": "critical",
        "text": "GoHighLevel: responses lack a field <that> this version needs",
        "next": "no calls, then 3 probes, each in another workspace",
        "since": "2026-11-24T09:02:00+00:00",
        "overAt": None,
        "lastedSeconds": 900,
        "savedCalls": 5955,
        "commands": ["reconcile explain run tick-03", "reconcile breaker reset provider:ghl --reason '...'"],
        "runbook": "https://wiki.example.com/runbook#circuit_broken-a-providers-breaker-is-open",
    }
    assert second["subject"] == "ws-7"


@pytest.mark.parametrize("trial", ["pagerduty"], indirect=True)
async def test_pagerduty_gets_an_incident_and_its_end_under_one_key(trial: Trial) -> None:
    for notice in (a_notice(), a_notice(OVER, News.RECOVERED)):
        await trial.channel.deliver(a_message(notice), deadline=time.monotonic() + HUNG)

    trigger, resolve = (json.loads(each.body) for each in trial.receiver.deliveries)
    assert trial.receiver.deliveries[0].target == "/v2/enqueue"
    assert trigger["routing_key"] == KEY
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "calendars/prod/provider_breaker:ghl"
    assert trigger["payload"]["severity"] == "critical"
    assert trigger["payload"]["timestamp"] == "2026-11-24T09:02:00+00:00"
    assert trigger["payload"]["custom_details"]["type"] == "reconcile explain run tick-03"
    assert trigger["links"][0]["href"].startswith("https://wiki.example.com/runbook#")


@pytest.mark.parametrize("trial", ["resend"], indirect=True)
async def test_resend_gets_a_mail_that_it_can_know_again(trial: Trial) -> None:
    await trial.deliver()

    delivery = trial.delivery
    mail = json.loads(delivery.body)
    assert delivery.target == "/emails"
    assert delivery.headers["authorization"] == f"Bearer {KEY}"
    assert delivery.key == "alert-1"
    assert (mail["from"], mail["to"]) == ("alerts@example.com", ["c4n4ry@example.com"])
    assert "about 5,955 provider calls not made" in mail["text"]


@pytest.mark.parametrize("trial", ["slack"], indirect=True)
async def test_slack_gets_blocks_in_which_nothing_can_call_a_channel(trial: Trial) -> None:
    await trial.deliver()

    document = json.loads(trial.delivery.body)
    header, section = document["blocks"]
    assert header["text"]["text"].startswith("[calendars/prod] Calls to a provider are stopped: GoHighLevel")
    text = section["text"]["text"]
    assert "&lt;that&gt;" in text
    assert "<that>" not in text
    assert "`reconcile explain run tick-03`" in text
    assert "|runbook>" in text
