"""``reconcile prune``: delete old rows from our own tables."""

import asyncio
from datetime import timedelta

import click

from reconcile import bootstrap
from reconcile.errors import RequestError
from reconcile.services.maintenance.prune import Pruned, prune
from reconcile.settings import Settings
from reconcile_cli.options import DurationParam, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.setup import prune_text

LEAST = timedelta(days=1)
"""Minimum age: reports, alerts and the page use newer rows."""


@click.command()
@click.option(
    "--older-than", type=DurationParam(), default="90d", show_default=True, help="Delete rows older than this."
)
@click.option("--dry-run", is_flag=True, help="Print the number of rows; delete nothing.")
@with_settings()
@examples("reconcile prune --older-than 90d --dry-run")
def command(settings: Settings, *, older_than: timedelta, dry_run: bool) -> None:
    """Delete old runs, changes, failures, ended alerts, delivered follow-ups and abandoned plans.

    Rows that an open breaker, a pending follow-up or an unfinished plan needs are kept, and so are the newest runs. The
    customer's tables are not touched.
    """
    if older_than < LEAST:
        raise RequestError("--older-than must be at least 1d: newer rows are still in use")
    pruned = asyncio.run(_pruned(settings, older_than, dry_run=dry_run))
    if is_text(settings):
        prune_text.show(pruned)
    else:
        print_json(pruned)


async def _pruned(settings: Settings, older_than: timedelta, *, dry_run: bool) -> Pruned:
    async with bootstrap.open_database(settings) as opened:
        try:
            before = opened.clock.now() - older_than
        except OverflowError:
            raise RequestError("--older-than is too long") from None
        return await prune(opened.store.ledger, before=before, dry_run=dry_run)
