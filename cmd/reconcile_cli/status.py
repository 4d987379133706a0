"""``reconcile status``: the state of everything."""

import asyncio

import click

from reconcile import bootstrap
from reconcile.services.views.status import Overview, overview
from reconcile.settings import Settings
from reconcile_cli.options import COMMON, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.text import status as text


@click.command()
@with_settings((*COMMON, "schedule", "time_zone", "cadence_auto"))
@examples("reconcile status --output text")
def command(settings: Settings) -> None:
    """Show what is broken, since when, whose fault it is, what comes next and what to type."""
    view = asyncio.run(_view(settings))
    if is_text(settings):
        text.show(view)
    else:
        print_json(view)


async def _view(settings: Settings) -> Overview:
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        return await overview(
            opened.store,
            now=now,
            due=settings.due_policy(),
            breaker=settings.breaker_policy(),
            planned=settings.planned_cadence(now),
        )
