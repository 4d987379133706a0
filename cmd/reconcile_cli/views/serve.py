"""``reconcile serve``: serve the current page to browsers."""

import asyncio
import sys

import click

from reconcile.bootstrap import page_server
from reconcile.settings import Settings
from reconcile_cli.options import COMMON, examples, with_settings
from reconcile_cli.output import print_json


@click.command(context_settings={"show_default": True})
@click.option("--host", default="127.0.0.1", help="Address to listen on; other than loopback needs a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8710, help="Port to listen on; 0: any free port.")
@with_settings((*COMMON, "schedule", "time_zone", "cadence_auto", "page_token"))
@examples("reconcile serve --port 8080")
def command(settings: Settings, *, host: str, port: int) -> None:
    """Serve the page of `reconcile report --html` live and read-only, until Ctrl-C or SIGTERM."""
    asyncio.run(page_server.serve(settings, host=host, port=port, on_ready=_announce))


def _announce(url: str) -> None:
    """Print the address: a line on a terminal, else JSON."""
    if sys.stdout.isatty():
        click.echo(f"{url}  until Ctrl-C")
    else:
        print_json({"url": url})
    sys.stdout.flush()
