"""``reconcile mismatches``: differences that were not repaired."""

import asyncio

import click

from reconcile import bootstrap
from reconcile.domain.ids import WorkspaceId
from reconcile.services.views.lead_lists import LeadLine, mismatched
from reconcile.settings import Settings
from reconcile_cli.options import NonEmptyParam, examples, with_settings
from reconcile_cli.output import is_text, print_json
from reconcile_cli.views import leads_text


@click.command()
@click.option("--workspace", type=NonEmptyParam(), metavar="ID", help="Only this workspace.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Maximum number of leads."
)
@with_settings()
@examples("reconcile mismatches --workspace ws-1")
def command(settings: Settings, *, workspace: str | None, limit: int) -> None:
    """List unrepaired differences between the database and the providers, longest first."""
    lines = asyncio.run(_listed(settings, workspace, limit))
    if is_text(settings):
        leads_text.show(
            lines, title="not repaired", empty="no unrepaired differences", hint="reconcile explain lead LEAD_ID"
        )
    else:
        print_json({"mismatches": lines})


async def _listed(settings: Settings, workspace: str | None, limit: int) -> tuple[LeadLine, ...]:
    async with bootstrap.open_database(settings) as opened:
        workspace_id = WorkspaceId(workspace) if workspace else None
        return await mismatched(opened.store, workspace_id=workspace_id, limit=limit)
