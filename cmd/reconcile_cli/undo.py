"""``reconcile undo``: takes back what a run changed."""

import asyncio

import click

import reconcile
from reconcile import bootstrap
from reconcile.domain.ids import RunId
from reconcile.runner.undo import Undo, Undoing, undo
from reconcile.settings import Settings
from reconcile_cli.options import with_settings
from reconcile_cli.output import is_text, print_json


@click.command()
@with_settings()
@click.option("--run", "run_id", required=True, metavar="RUN_ID", help="The run whose changes are to be taken back.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken back, and what not; write nothing.")
def command(settings: Settings, *, run_id: str, dry_run: bool) -> None:
    """Take back what a run changed, at those leads that nobody has written since.

    The next run does the same again if the providers still say the same: hold the breaker first.
    """
    done = asyncio.run(_undone(settings, RunId(run_id), dry_run=dry_run))
    if is_text(settings):
        from reconcile_cli.text import undo as text  # noqa: PLC0415 - rich, for a person only

        text.show(done)
    else:
        print_json(done)


async def _undone(settings: Settings, run_id: RunId, *, dry_run: bool) -> Undoing:
    async with bootstrap.opened(settings) as opened:
        own = bootstrap.new_run_id(opened.clock.now())
        asked = Undo(undone_run=run_id, run_id=own, dry_run=dry_run, version=reconcile.__version__)
        return await undo(asked, store=opened.store, clock=opened.clock)
