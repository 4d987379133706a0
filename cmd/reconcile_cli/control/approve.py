"""``reconcile approve``: list the kinds of changes that runs hold back, or let one pass for a time."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import click

from reconcile import bootstrap
from reconcile.domain.run.change_hold import APPROVAL, LONGEST_APPROVAL, ChangeHold
from reconcile.errors import RequestError
from reconcile.services.control.approval import approve_changes
from reconcile.settings import Settings
from reconcile_cli.control import approve_text
from reconcile_cli.options import DurationParam, NonEmptyParam, examples, with_settings
from reconcile_cli.output import is_text, print_json, user


@click.command()
@click.argument("digest", metavar="HASH", required=False, type=NonEmptyParam())
@click.option("--for", "lasts", type=DurationParam(), metavar="DURATION", help="How long, at most 7d. [default: 1d]")
@click.option("--reason", metavar="TEXT", help="Reason, shown to other operators.")
@click.option("--actor", metavar="NAME", help="Operator's name. [default: the current user]")
@with_settings()
@examples("reconcile approve", 'reconcile approve 3f9c0d6a81b2 --for 2h --reason "we moved to another calendar"')
def command(
    settings: Settings, *, digest: str | None, lasts: timedelta | None, reason: str | None, actor: str | None
) -> None:
    """Let the held changes with this HASH pass, or list what is held."""
    if digest is None:
        if lasts or reason or actor:
            raise click.UsageError("--for, --reason and --actor need HASH; without it, held changes are listed")
        _print(settings, asyncio.run(_listed(settings)))
        return
    lasts = lasts or APPROVAL
    if not timedelta(0) < lasts <= LONGEST_APPROVAL:
        raise click.UsageError("--for must be above 0 and at most 7d")
    _print(settings, [asyncio.run(_approved(settings, digest, lasts=lasts, reason=reason, actor=actor or user()))])


async def _listed(settings: Settings) -> Sequence[ChangeHold]:
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        holds = await opened.store.change_holds.load()
        return [each for each in holds if each.is_in_force(now) or each.is_approved(now)]


async def _approved(settings: Settings, digest: str, *, lasts: timedelta, reason: str | None, actor: str) -> ChangeHold:
    async with bootstrap.open_database(settings) as opened:
        approved = await approve_changes(
            digest,
            lasts=lasts,
            actor=actor,
            reason=reason,
            stored=opened.store.change_holds,
            now=opened.clock.now(),
        )
    if approved is None:
        raise RequestError(f"no changes are held by the hash {digest!a}; reconcile approve lists what is held")
    return approved


def _print(settings: Settings, holds: Sequence[ChangeHold]) -> None:
    if not is_text(settings):
        print_json({"heldChanges": holds})
        return
    approve_text.show(holds)
