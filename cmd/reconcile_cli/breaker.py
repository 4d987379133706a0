"""``reconcile breaker``: the breakers as they stand, and an operator's hand on one."""

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
from reconcile_cli.text import breaker as text


@click.group()
def command() -> None:
    """Show the breakers, or override one.

    A breaker is spelled as reports spell it: run, provider:ghl, provider:calendly, workspace:ID/ghl, or
    workspace:ID for all of a workspace.
    """


@command.command()
@click.argument("breaker", required=False)
@with_settings()
@examples("reconcile breaker show", "reconcile breaker show provider:ghl")
def show(settings: Settings, *, breaker: str | None) -> None:
    """Show the breakers that are open, half open or overridden, or the named one."""
    _print(settings, asyncio.run(_show(settings, breaker)))


def _order(verb: Verb, *, lasts_help: str, text: str, example: str) -> None:
    """Add the command that gives an order of this kind."""

    @command.command(verb.value, help=f"{text}\n\n{example_paragraph(example)}")
    @click.argument("breaker")
    @click.option("--reason", required=True, metavar="TEXT", help="Why, for those who look later.")
    @click.option("--for", "lasts", type=DurationParam(), metavar="DURATION", help=lasts_help)
    @click.option("--actor", metavar="NAME", help="Who gives the order. [default: this system's user]")
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
    text="Keep a breaker open, without probes, until the time has passed.",
    example='reconcile breaker hold workspace:ws-1 --for 2h --reason "token is being replaced"',
    lasts_help="How long, like 10m or 2h. [default: 1h]",
)
_order(
    Verb.RESET,
    text="Close a breaker and clear its manual overrides.",
    example='reconcile breaker reset provider:ghl --reason "provider answers again"',
    lasts_help="Also keep it closed for so long, whatever happens. [default: it may open again at once]",
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
        text.show(told)
    else:
        print_json({"breakers": told})
