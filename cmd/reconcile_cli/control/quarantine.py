"""``reconcile quarantine``: leads that are not checked after repeated failures."""

import asyncio
from collections.abc import Sequence

import click

from reconcile import bootstrap
from reconcile.domain.formatting import count_of
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.services.views.lead_lists import LeadLine, quarantined
from reconcile.settings import Settings
from reconcile_cli.options import NonEmptyParam, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.views import leads_text


@click.group()
def command() -> None:
    """List or release leads that are quarantined after repeated failures."""


@command.command("list")
@click.option("--workspace", type=NonEmptyParam(), metavar="ID", help="Only this workspace.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Maximum number of leads."
)
@with_settings()
@examples("reconcile quarantine list --workspace ws-1")
def list_(settings: Settings, *, workspace: str | None, limit: int) -> None:
    """List the quarantined leads, oldest first, each with its failure."""
    lines = asyncio.run(_listed(settings, workspace, limit))
    if is_text(settings):
        leads_text.show(
            lines, title="quarantined", empty="no quarantined leads", hint="reconcile quarantine release LEAD_ID"
        )
    else:
        print_json({"quarantined": lines})


@command.command()
@click.argument("lead_id", nargs=-1, type=NonEmptyParam())
@click.option("--all", "is_all", is_flag=True, help="Release every quarantined lead, or every one of --workspace.")
@click.option("--workspace", type=NonEmptyParam(), metavar="ID", help="With --all: only this workspace.")
@with_settings()
@examples("reconcile quarantine release 4711 4712", "reconcile quarantine release --all --workspace ws-1")
def release(settings: Settings, *, lead_id: Sequence[str], is_all: bool, workspace: str | None) -> None:
    """Release leads from quarantine: they are checked from the next run on."""
    if bool(lead_id) is is_all:
        raise click.UsageError("name the leads to release, or give --all")
    if workspace and not is_all:
        raise click.UsageError("--workspace needs --all")
    released = asyncio.run(_released(settings, [LeadId(each) for each in lead_id] or None, workspace))
    if is_text(settings):
        click.echo(f"released: {count_of(released, 'lead')}")
    else:
        print_json({"released": released})


async def _listed(settings: Settings, workspace: str | None, limit: int) -> tuple[LeadLine, ...]:
    async with bootstrap.open_database(settings) as opened:
        return await quarantined(opened.store, workspace_id=_workspace(workspace), limit=limit)


async def _released(settings: Settings, leads: Sequence[LeadId] | None, workspace: str | None) -> int:
    async with bootstrap.open_database(settings) as opened:
        return await opened.store.leads.release(leads, workspace_id=_workspace(workspace))


def _workspace(name: str | None) -> WorkspaceId | None:
    return WorkspaceId(name) if name else None
