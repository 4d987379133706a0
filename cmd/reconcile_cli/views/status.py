"""``reconcile status``: the state of runs, breakers, leads and follow-ups."""

import asyncio

import click

from reconcile.bootstrap.status import status
from reconcile.settings import Settings
from reconcile_cli.options import COMMON, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.views import status_text


@click.command()
@click.option("--all", "is_complete", is_flag=True, help="Show each parked workspace, not only their causes.")
@with_settings((*COMMON, "schedule", "time_zone", "cadence_auto"))
@examples("reconcile status --output text")
def command(settings: Settings, *, is_complete: bool) -> None:
    """Show failures, their duration, the party at fault, what happens next, and the commands to run."""
    view = asyncio.run(status(settings, is_complete=is_complete))
    if is_text(settings):
        status_text.show(view)
    else:
        print_json(view)
