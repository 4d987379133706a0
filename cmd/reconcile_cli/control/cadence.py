"""``reconcile cadence``: show the cadence of runs, or lower it for a time."""

import asyncio
from datetime import timedelta

import click

from reconcile import bootstrap
from reconcile.domain.run.cadence import CadenceOverride
from reconcile.services.control.cadence import CadenceView, cadence_view, lower
from reconcile.settings import Settings
from reconcile_cli.control import cadence_text
from reconcile_cli.options import COMMON, DurationParam, examples, with_settings
from reconcile_cli.output import is_text, print_json, user

_SHOWN = (*COMMON, "schedule", "time_zone", "cadence_auto")


@click.group()
def command() -> None:
    """Show the cadence of runs, or lower it for a time.

    Scheduled runs that come too early then exit without a provider call. The override expires.
    """


@command.command()
@with_settings(_SHOWN)
@examples("reconcile cadence show")
def show(settings: Settings) -> None:
    """Show the scheduled cadence and the effective one."""
    _print(settings, asyncio.run(_show(settings)))


@command.command("set")
@click.option(
    "--every", type=DurationParam(), required=True, metavar="DURATION", help="Time between two runs, like 10m."
)
@click.option("--for", "lasts", type=DurationParam(), required=True, metavar="DURATION", help="How long, like 2h.")
@click.option("--reason", required=True, metavar="TEXT", help="Reason, shown to other operators.")
@click.option("--actor", metavar="NAME", help="Operator's name. [default: the current user]")
@with_settings(_SHOWN)
@examples('reconcile cadence set --every 5m --for 2h --reason "provider is slow"')
def set_(settings: Settings, *, every: timedelta, lasts: timedelta, reason: str, actor: str | None) -> None:
    """Lower the cadence of the schedule for a time."""
    _print(settings, asyncio.run(_lowered(settings, every=every, lasts=lasts, reason=reason, actor=actor or user())))


@command.command()
@with_settings(_SHOWN)
@examples("reconcile cadence clear")
def clear(settings: Settings) -> None:
    """End a cadence override early."""
    _print(settings, asyncio.run(_cleared(settings)))


async def _show(settings: Settings) -> CadenceView:
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        return await cadence_view(opened.store, now=now, planned=settings.planned_cadence(now))


async def _lowered(settings: Settings, *, every: timedelta, lasts: timedelta, reason: str, actor: str) -> CadenceView:
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        override = CadenceOverride(every=every, reason=reason, actor=actor, set_at=now, expires_at=now + lasts)
        await lower(override, store=opened.store)
        return await cadence_view(opened.store, now=now, planned=settings.planned_cadence(now))


async def _cleared(settings: Settings) -> CadenceView:
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        await opened.store.cadences.clear()
        return await cadence_view(opened.store, now=now, planned=settings.planned_cadence(now))


def _print(settings: Settings, view: CadenceView) -> None:
    if is_text(settings):
        cadence_text.show(view)
    else:
        print_json(view)
