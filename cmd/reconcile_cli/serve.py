"""``reconcile serve``: the page as it is now, for browsers."""

import asyncio
import sys

import click

from reconcile.bootstrap import page
from reconcile.settings import Settings
from reconcile_cli.options import COMMON, examples, with_settings
from reconcile_cli.output import print_json


@click.command(context_settings={"show_default": True})
@click.option("--host", default="127.0.0.1", help="Address to listen at; other than this machine's own: with a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8710, help="Port to listen at; 0: a free one.")
@with_settings((*COMMON, "schedule", "time_zone", "cadence_auto", "page_token"))
@examples("reconcile serve --port 8080")
def command(settings: Settings, *, host: str, port: int) -> None:
    """Serve the page of `reconcile report --html` live and read-only, until Ctrl-C or SIGTERM."""
    asyncio.run(page.serve(settings, host=host, port=port, on_ready=_announce))


def _announce(url: str) -> None:
    """Say where it is: as a line on a terminal, else as JSON."""
    if sys.stdout.isatty():
        click.echo(f"{url}  until Ctrl-C")
    else:
        print_json({"url": url})
    sys.stdout.flush()
