"""``reconcile follow-ups``: dead letters, which are follow-ups that no delivery attempt has got through."""

import asyncio
from collections.abc import Sequence

import click

from reconcile import bootstrap
from reconcile.domain.formatting import count_of
from reconcile.domain.ids import WorkspaceId
from reconcile.ports import GivenUpFollowUp
from reconcile.settings import Settings
from reconcile_cli.control import follow_ups_text
from reconcile_cli.options import InstantParam, NonEmptyParam, TypedInstant, examples, with_settings
from reconcile_cli.output import is_text, print_json


@click.group()
def command() -> None:
    """List dead letters, or deliver them again."""


@command.command("list")
@click.option("--workspace", type=NonEmptyParam(), metavar="ID", help="Of this workspace alone.")
@click.option("--since", type=InstantParam(), metavar="TIME", help="Dead letters since then.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Follow-ups at most.")
@with_settings()
@examples("reconcile follow-ups list --workspace ws-1 --since 24h")
def list_(settings: Settings, *, workspace: str | None, since: TypedInstant | None, limit: int) -> None:
    """List the follow-ups that became dead letters, newest first, each with its reason."""
    rows = asyncio.run(_listed(settings, workspace, since, limit))
    if is_text(settings):
        follow_ups_text.show(rows, limit=limit)
    else:
        print_json({"givenUp": rows})


@command.command()
@click.argument("key", nargs=-1, type=NonEmptyParam())
@click.option("--all", "is_all", is_flag=True, help="Every dead letter that the options select.")
@click.option("--workspace", type=NonEmptyParam(), metavar="ID", help="With --all: of this workspace alone.")
@click.option("--since", type=InstantParam(), metavar="TIME", help="With --all: dead letters since then.")
@with_settings()
@examples("reconcile follow-ups retry --all --workspace ws-1 --since 24h")
def retry(
    settings: Settings, *, key: Sequence[str], is_all: bool, workspace: str | None, since: TypedInstant | None
) -> None:
    """Deliver dead letters again from the next run on."""
    if bool(key) is is_all:
        raise click.UsageError("name the follow-ups by their keys, or give --all")
    if (workspace or since) and not is_all:
        raise click.UsageError("--workspace and --since need --all")
    retried = asyncio.run(_retried(settings, key or None, workspace, since))
    if is_text(settings):
        click.echo(f"to be delivered from the next run on: {count_of(retried, 'follow-up')}")
    else:
        print_json({"retried": retried})


async def _listed(
    settings: Settings, workspace: str | None, since: TypedInstant | None, limit: int
) -> Sequence[GivenUpFollowUp]:
    async with bootstrap.open_database(settings) as opened:
        return await opened.store.outbox.given_up(
            workspace_id=_workspace(workspace), since=since.at if since else None, limit=limit
        )


async def _retried(
    settings: Settings, keys: Sequence[str] | None, workspace: str | None, since: TypedInstant | None
) -> int:
    async with bootstrap.open_database(settings) as opened:
        return await opened.store.outbox.retry(
            keys, workspace_id=_workspace(workspace), since=since.at if since else None, at=opened.clock.now()
        )


def _workspace(name: str | None) -> WorkspaceId | None:
    return WorkspaceId(name) if name else None
