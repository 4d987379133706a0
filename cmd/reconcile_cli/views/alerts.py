"""``reconcile alerts``: active alerts, and the delivery to each channel."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import click

from reconcile import bootstrap
from reconcile.bootstrap.alerts import open_notifier
from reconcile.errors import SettingsError
from reconcile.ports import Store
from reconcile.services.alerting.channel_test import ChannelTrial, test_channels
from reconcile.services.alerting.conditions import conditions
from reconcile.services.alerting.notify import Notifier, notify
from reconcile.services.alerting.view import AlertsView, alerts_view
from reconcile.settings import SETTINGS, Settings
from reconcile.telemetry import LoggingTelemetry
from reconcile_cli.main import ExitCode
from reconcile_cli.options import COMMON, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.views import alerts_text

_CHANNELS = tuple(each.name for each in SETTINGS if each.name.startswith("alert_"))
_SCHEDULE = ("schedule", "time_zone", "cadence_auto")
_NONE_SET = (
    "no channel of alerts is set; set RECONCILE_ALERT_SLACK_URL, RECONCILE_ALERT_EMAIL_TO, "
    "RECONCILE_ALERT_WEBHOOK_URL or RECONCILE_ALERT_PAGERDUTY_KEY"
)


@click.group()
def command() -> None:
    """Show active alerts, evaluate them now, or test the channels."""


@command.command("list")
@with_settings((*COMMON, *_CHANNELS, *_SCHEDULE))
@examples("reconcile alerts list")
def list_(settings: Settings) -> None:
    """Show active alerts, those resolved within a day, and channels with pending notifications."""
    _show(settings, asyncio.run(_listed(settings)))


@command.command()
@with_settings((*COMMON, *_CHANNELS, *_SCHEDULE))
@click.pass_context
@examples("reconcile alerts check")
def check(ctx: click.Context, settings: Settings) -> None:
    """Evaluate alerts and notify the channels, as a run does at its end; for a separate schedule.

    Exits with 1 if a notification could not be delivered.
    """
    view = asyncio.run(_checked(settings))
    _show(settings, view)
    ctx.exit(ExitCode.FAILED if view.is_pending else ExitCode.DONE)


@command.command()
@with_settings(("log_level", "log_format", "output", *_CHANNELS))
@click.pass_context
@examples("reconcile alerts test")
def test(ctx: click.Context, settings: Settings) -> None:
    """Send a test message to each configured channel; exits with 1 if one did not accept it."""
    trials = asyncio.run(_test_channels(settings))
    if is_text(settings):
        alerts_text.show_trials(trials)
    else:
        print_json({"channels": trials})
    ctx.exit(ExitCode.FAILED if any(each.fault for each in trials) else ExitCode.DONE)


def _show(settings: Settings, view: AlertsView) -> None:
    if is_text(settings):
        alerts_text.show(view)
    else:
        print_json(view)


async def _listed(settings: Settings) -> AlertsView:
    async with bootstrap.open_database(settings) as opened, open_notifier(settings, clock=opened.clock) as notifier:
        return await _view(settings, opened.store, notifier=notifier, now=opened.clock.now())


async def _view(settings: Settings, store: Store, *, notifier: Notifier | None, now: datetime) -> AlertsView:
    """Return the alerts with all conditions that hold at *now*, including those that no run has recorded."""
    true = await conditions(
        store,
        now=now,
        policy=settings.alert_policy(),
        breaker=settings.breaker_policy(),
        planned=settings.planned_cadence(now),
    )
    return await alerts_view(store, notifier=notifier, conditions=true, now=now)


async def _checked(settings: Settings) -> AlertsView:
    async with bootstrap.open_database(settings) as opened, open_notifier(settings, clock=opened.clock) as found:
        notifier, clock = _needed(found), opened.clock
        holder = f"check-{bootstrap.new_run_id(clock.now())}"
        await notify(notifier, holder=holder, store=opened.store, clock=clock, telemetry=LoggingTelemetry())
        return await _view(settings, opened.store, notifier=notifier, now=clock.now())


async def _test_channels(settings: Settings) -> Sequence[ChannelTrial]:
    clock = bootstrap.SystemClock()
    async with open_notifier(settings, clock=clock) as found:
        return await test_channels(_needed(found), clock=clock)


def _needed(notifier: Notifier | None) -> Notifier:
    if notifier is None:
        raise SettingsError([_NONE_SET])
    return notifier
