"""The incident as operators hear of it: within the tick that trips, once, with what was saved, and its end."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.alerts.pagerduty import PagerDuty
from reconcile.alerts.post import Post
from reconcile.alerts.slack import Slack
from reconcile.alerts.webhook import Webhook
from reconcile.drill.incident import DrillPlan, drill
from reconcile.providers.http.client import AiohttpTransport
from tests.alerts.messages import RealClock
from tests.integration.receiver import a_receiver

pytestmark = pytest.mark.integration

PLAN = DrillPlan(workspaces=6, leads_per_workspace=8, breaks_at=3, broken_ticks=15, ticks=22, latency=timedelta(0))


async def test_the_incident_is_notified_by_the_run_that_trips_and_its_end_with_the_duration() -> None:
    calls: dict[int, int] = {}
    heard: dict[int, list[tuple[str, Any]]] = {}
    async with a_receiver() as slack, a_receiver() as hook, a_receiver() as pager, AiohttpTransport() as transport:
        slack.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        pager.answer = b'HTTP/1.1 202 Accepted\r\nContent-Length: 20\r\n\r\n{"status":"success"}'

        def post(name: str) -> Post:
            return Post(name=name, transport=transport, clock=RealClock())

        plan = replace(
            PLAN,
            channels=(
                Slack(slack.url, post=post("slack")),
                Webhook(hook.url, key=b"0123456789abcdef", post=post("webhook")),
                PagerDuty(pager.url.removesuffix("/hook"), key="key", post=post("pagerduty")),
            ),
        )
        async for tick in drill(plan):
            calls[tick.number] = tick.report.provider_calls
            heard[tick.number] = [
                (name, json.loads(delivery.body))
                for name, receiver in (("slack", slack), ("webhook", hook), ("pagerduty", pager))
                for delivery in receiver.deliveries
            ]
            for receiver in (slack, hook, pager):
                receiver.deliveries.clear()

    told = {number: dict(messages) for number, messages in heard.items() if messages}
    first, last = told.pop(3), told.popitem()[1]
    assert told == {}
    assert set(first) == set(last) == {"slack", "webhook", "pagerduty"}
    (new,), (over,) = first["webhook"]["notices"], last["webhook"]["notices"]
    assert (new["news"], new["alert"], new["since"]) == ("new", "provider_breaker:ghl", "2026-03-02T09:02:00+00:00")
    assert new["text"] == "GoHighLevel: responses lack a required field"
    assert new["commands"][0] == "reconcile explain run tick-03"
    assert (over["news"], over["overAt"]) == ("recovered", "2026-03-02T09:18:00+00:00")
    assert over["lastedSeconds"] == 16 * 60
    assert over["savedCalls"] == sum(max(min(calls[1], calls[2]) - calls[n], 0) for n in range(3, 19)) > 300
    assert "Recovered after 16 min" in last["slack"]["text"]
    assert (first["pagerduty"]["event_action"], last["pagerduty"]["event_action"]) == ("trigger", "resolve")
    assert first["pagerduty"]["dedup_key"] == last["pagerduty"]["dedup_key"]
