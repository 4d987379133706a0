"""Dead Slack, a dead mail server and a dead collector at once: what they cost the end of a run, on the real clock."""

import asyncio
import socket
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile import bootstrap
from reconcile.bootstrap.alerts import open_notifier
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.ports import Store, Telemetry
from reconcile.settings import Settings
from reconcile.telemetry import sender as sending
from tests.alerts.mailserver import a_mail_server
from tests.integration.receiver import a_receiver
from tests.services.fakes import Ear
from tests.timeouts import HUNG
from tests.use_cases import Notifier, RunRequest, notify

PROMISED = timedelta(seconds=3)
"""What dead channels may add to a run: docs/alerts.md."""

pytestmark = pytest.mark.integration


def _broken(clock: bootstrap.SystemClock) -> Breaker:
    trip = Trip(reason=BreakerReason.CONTRACT_FAULT, fault="contract")
    return Breaker(key=BreakerKey(BreakerScope.PROVIDER, "ghl")).trip(clock.now(), trip, policy=BreakerPolicy())


def _told(settings: Settings, *, slack: str, mail_port: int) -> Settings:
    return replace(
        settings,
        alert_slack_url=slack,
        alert_smtp_url=f"smtp://127.0.0.1:{mail_port}",
        alert_email_to=("ops@example.com",),
        alert_email_from=("alerts@example.com",),
    )


class _Stopped(bootstrap.SystemClock):
    """It leaves all the time that there was, however long a busy machine takes."""

    def monotonic(self) -> float:
        return 0.0


async def _notify_unhurried(notifier: Notifier, *, store: Store, telemetry: Telemetry) -> None:
    """Notify within the limits of each channel, and without one for all."""
    patient = replace(notifier, budget=timedelta(seconds=HUNG))
    async with asyncio.timeout(HUNG):
        await notify(patient, holder="run-1", store=store, clock=_Stopped(), telemetry=telemetry)


async def test_they_are_given_up_together_within_three_seconds(migrated_url: str) -> None:
    clock = bootstrap.SystemClock()
    ear = Ear()
    async with (
        a_receiver() as slack,
        a_mail_server({"greeting": ""}) as mail,
        bootstrap.open_database_url(migrated_url) as store,
    ):
        slack.is_shut = True
        settings = _told(Settings(), slack=slack.url, mail_port=mail.port)
        await store.breakers.save(_broken(clock), expected_generation=0)
        async with open_notifier(settings, clock=clock) as notifier:
            assert notifier is not None
            budget = notifier.budget
            await _notify_unhurried(notifier, store=store, telemetry=ear)
        states = await store.alerts.channels()

    assert budget <= PROMISED
    assert ear.events == ["alert.not_delivered"] * 2
    assert {name: state.fault for name, state in states.items()} == {
        "slack": "slack did not answer in time",
        "email": "the mail server did not answer in time",
    }


async def test_a_run_ends_in_time_with_a_silent_collector_as_well(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = bootstrap.SystemClock()
    async with (
        a_receiver() as slack,
        a_mail_server({"greeting": ""}) as mail,
        bootstrap.open_database_url(migrated_url) as store,
    ):
        slack.is_shut = True
        await store.breakers.save(_broken(clock), expected_generation=0)
        settings = _told(Settings(database_url=migrated_url), slack=slack.url, mail_port=mail.port)
        with socket.create_server(("127.0.0.1", 0)) as collector:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.getsockname()[1]}")
            monkeypatch.setattr(sending, "LIMIT", 2 * HUNG)
            async with asyncio.timeout(HUNG):
                await bootstrap.run(settings, RunRequest(workspace_limit=1, leads_per_workspace=1))
        # Where a busy machine left the run no time to ask a channel, its notices are pending.
        async with open_notifier(settings, clock=clock) as notifier:
            assert notifier is not None
            await _notify_unhurried(notifier, store=store, telemetry=Ear())
        states = await store.alerts.channels()

    assert {name for name, state in states.items() if state.fault} == {"slack", "email"}
