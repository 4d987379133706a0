"""``reconcile breaker``: show breakers and set manual overrides."""

import asyncio
from datetime import timedelta

import click

from reconcile import bootstrap
from reconcile.domain.breaker.breaker import Breaker
from reconcile.services.control.breaker_overrides import Order, Verb, act, breaker_key, parts_of
from reconcile.services.views.next_steps import Advice, advice
from reconcile.services.views.status import breakers_with_advice
from reconcile.settings import Settings
from reconcile_cli.options import DurationParam, example_paragraph, examples, with_settings
from reconcile_cli.output import is_text, print_json, user


@click.group()
def command() -> None:
    """Show the breakers, or override one.

    BREAKER is a name as in reports: run, provider:ghl, provider:calendly, workspace:ID/ghl, or workspace:ID for the
    whole workspace.
    """


@command.command()
@click.argument("breaker", required=False)
@with_settings()
@examples("reconcile breaker show", "reconcile breaker show provider:ghl")
def show(settings: Settings, *, breaker: str | None) -> None:
    """Show the breakers that are open, half open or overridden, or one breaker."""
    _print(settings, asyncio.run(_show(settings, breaker)))


def _order(verb: Verb, *, lasts_help: str, text: str, example: str) -> None:
    """Add the command for this kind of override."""

    @command.command(verb.value, help=f"{text}\n\n{example_paragraph(example)}")
    @click.argument("breaker")
    @click.option("--reason", required=True, metavar="TEXT", help="Reason, shown to other operators.")
    @click.option("--for", "lasts", type=DurationParam(), metavar="DURATION", help=lasts_help)
    @click.option("--actor", metavar="NAME", help="Operator's name. [default: the current user]")
    @with_settings()
    def order(settings: Settings, *, breaker: str, reason: str, lasts: timedelta | None, actor: str | None) -> None:
        given = Order(verb=verb, key=breaker_key(breaker), reason=reason, actor=actor or user(), lasts=lasts)
        _print(settings, asyncio.run(_acted(settings, given)))


_order(
    Verb.TRIP,
    text="Open a breaker as if it had tripped: probes close it again when calls succeed.",
    example='reconcile breaker trip provider:ghl --reason "deployment at the provider"',
    lasts_help="Time until the first probe, like 10m or 2h. [default: the cooldown]",
)
_order(
    Verb.HOLD,
    text="Keep a breaker open, without probes, for a time.",
    example='reconcile breaker hold workspace:ws-1 --for 2h --reason "token is being replaced"',
    lasts_help="How long, like 10m or 2h. [default: 1h]",
)
_order(
    Verb.RESET,
    text="Close a breaker and clear its manual overrides.",
    example='reconcile breaker reset provider:ghl --reason "provider answers again"',
    lasts_help="Also keep it closed for this time. [default: it may open again immediately]",
)


async def _show(settings: Settings, name: str | None) -> tuple[Advice, ...]:
    policy = settings.breaker_policy()
    key = breaker_key(name) if name else None
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        if key is None:
            return await breakers_with_advice(opened.store, now=now, policy=policy)
        named = await opened.store.breakers.get(key) or Breaker(key=key)
        parts = [await opened.store.breakers.get(each) for each in await parts_of(key, opened.store)]
        return tuple(advice(each, now=now, policy=policy) for each in (named, *parts) if each is not None)


async def _acted(settings: Settings, order: Order) -> tuple[Advice, ...]:
    policy = settings.breaker_policy()
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        return (advice(await act(order, store=opened.store, now=now, policy=policy), now=now, policy=policy),)


def _print(settings: Settings, told: tuple[Advice, ...]) -> None:
    if is_text(settings):
        from reconcile_cli.text import breaker as text  # noqa: PLC0415 - rich, for a person only

        text.show(told)
    else:
        print_json({"breakers": told})
