"""``reconcile prune``: deletes what is old from our own tables."""

import asyncio
from datetime import timedelta

import click

from reconcile import bootstrap
from reconcile.errors import RequestError
from reconcile.services.maintenance.prune import Pruned, prune
from reconcile.settings import Settings
from reconcile_cli.options import DurationParam, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.text import prune as text

LEAST = timedelta(days=1)
"""Reports, alerts and the page look back further than a moment."""


@click.command()
@click.option("--older-than", type=DurationParam(), default="90d", show_default=True, help="Delete what is older.")
@click.option("--dry-run", is_flag=True, help="Say how much that would be; delete nothing.")
@with_settings()
@examples("reconcile prune --older-than 90d --dry-run")
def command(settings: Settings, *, older_than: timedelta, dry_run: bool) -> None:
    """Delete old runs, changes and failures, alerts that are over, delivered follow-ups, and plans left as they are.

    What an open breaker, a waiting follow-up or an unfinished plan needs stays, and so do the newest runs. The
    customer's tables are not touched.
    """
    if older_than < LEAST:
        raise RequestError("--older-than must be at least 1d: what is younger is still looked at")
    pruned = asyncio.run(_pruned(settings, older_than, dry_run=dry_run))
    if is_text(settings):
        text.show(pruned)
    else:
        print_json(pruned)


async def _pruned(settings: Settings, older_than: timedelta, *, dry_run: bool) -> Pruned:
    async with bootstrap.open_database(settings) as opened:
        try:
            before = opened.clock.now() - older_than
        except OverflowError:
            raise RequestError("--older-than reaches back before all time") from None
        return await prune(opened.store.ledger, before=before, dry_run=dry_run)
