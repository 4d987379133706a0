"""``reconcile migrate``: migrate our own tables to the newest schema."""

import asyncio

import click

from reconcile import bootstrap
from reconcile.settings import Settings
from reconcile_cli.options import examples, with_settings
from reconcile_cli.output import is_text, print_json


@click.command()
@with_settings()
@examples("reconcile migrate")
def command(settings: Settings) -> None:
    """Migrate the tables that reconcile owns (reconcile_...) to the newest schema. Other tables are never altered."""
    versions = asyncio.run(bootstrap.migrate(settings))
    if is_text(settings):
        click.echo(f"schema versions in force: {', '.join(versions)}")
    else:
        print_json({"versions": versions})
