"""Dead Slack and a dead mail server at once: what telling costs the end of a run, on the real clock."""

import time
from dataclasses import replace

import pytest

from reconcile import bootstrap
from reconcile.bootstrap.alerts import alarm_of
from reconcile.domain.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.runner.alerts import tell
from reconcile.settings import Settings
from tests.alerts.mailserver import a_mail_server
from tests.integration.receiver import a_receiver
from tests.runner.fakes import Ear

pytestmark = pytest.mark.integration


async def test_they_cost_less_than_three_seconds_together(migrated_url: str) -> None:
    clock = bootstrap.SystemClock()
    trip = Trip(reason=BreakerReason.CONTRACT_FAULT, fault="contract")
    broken = Breaker(key=BreakerKey(BreakerScope.PROVIDER, "ghl")).trip(clock.now(), trip, policy=BreakerPolicy())
    ear = Ear()
    async with (
        a_receiver() as slack,
        a_mail_server({"greeting": ""}) as mail,
        bootstrap.opened_url(migrated_url) as store,
    ):
        slack.is_shut = True
        settings = replace(
            Settings(),
            alert_slack_url=slack.url,
            alert_smtp_url=f"smtp://127.0.0.1:{mail.port}",
            alert_email_to=("ops@example.com",),
            alert_email_from=("alerts@example.com",),
        )
        await store.breakers.save(broken, expected_generation=0)
        async with alarm_of(settings, clock=clock) as alarm:
            began = time.monotonic()
            await tell(alarm, holder="run-1", store=store, clock=clock, telemetry=ear)
            took = time.monotonic() - began
        states = await store.alerts.channels()

    assert took <= 3
    assert ear.events == ["alert.not_delivered"] * 2
    assert {name: state.fault for name, state in states.items()} == {
        "slack": "slack did not answer in time",
        "email": "the mail server did not answer in time",
    }
