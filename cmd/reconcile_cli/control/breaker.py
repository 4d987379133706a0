"""``reconcile breaker``: show breakers, set manual overrides, and replay runs under other thresholds."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import click

from reconcile import bootstrap
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy
from reconcile.domain.replay.result import ReplayResult
from reconcile.errors import RequestError
from reconcile.services.control.breaker_overrides import Order, Verb, act, breaker_key, parts_of
from reconcile.services.views.next_steps import Advice, advice
from reconcile.services.views.parked import BreakerList, list_breakers
from reconcile.services.views.replay import ReplayRequest, replay_breakers
from reconcile.settings import Settings
from reconcile.settings.kinds import Number, Whole
from reconcile_cli.control import breaker_text, replay_text
from reconcile_cli.options import (
    DurationParam,
    InstantParam,
    KindParam,
    TypedInstant,
    example_paragraph,
    examples,
    with_settings,
)
from reconcile_cli.output import is_text, print_json, user

_RATE = KindParam(Number(0, 1, above=True))
_CHECKS = KindParam(Whole(1, 100_000))
_COUNT = KindParam(Whole(1, 1000))
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=1)


@click.group()
def command() -> None:
    """Show the breakers, override one, or replay the ledger under other thresholds.

    BREAKER is a name as in reports: run, provider:ghl, provider:calendly, workspace:ID/ghl, or workspace:ID for the
    whole workspace.
    """


@command.command()
@click.argument("breaker", required=False)
@click.option("--all", "is_complete", is_flag=True, help="Show each parked workspace, not only their causes.")
@with_settings()
@examples("reconcile breaker show", "reconcile breaker show provider:ghl")
def show(settings: Settings, *, breaker: str | None, is_complete: bool) -> None:
    """Show the breakers that are open, half open or overridden, or one breaker."""
    _print(settings, asyncio.run(_show(settings, breaker, is_complete=is_complete)))


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
        _print(settings, BreakerList(shown=asyncio.run(_acted(settings, given))))


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


@command.command()
@click.argument("breaker", required=False)
@click.option("--since", type=InstantParam(), default="30d", show_default=True, help="Replay the runs begun since.")
@click.option("--error-rate", type=_RATE, metavar="RATE", help="Share of failed checks. [default: the setting]")
@click.option("--min-checks", type=_CHECKS, metavar="N", help="Checks before a rate counts. [default: the setting]")
@click.option("--min-workspaces", type=_COUNT, metavar="N", help="Workspaces that fail alike. [default: the setting]")
@click.option("--contract-faults", type=_COUNT, metavar="N", help="Broken contracts that trip. [default: 3]")
@click.option("--cooldown", type=DurationParam(), metavar="DURATION", help="Time to a probe. [default: the setting]")
@with_settings()
@examples(
    "reconcile breaker replay --since 30d --error-rate 0.3 --min-checks 10",
    "reconcile breaker replay provider:ghl --since 7d --cooldown 5m",
)
def replay(
    settings: Settings,
    *,
    breaker: str | None,
    since: TypedInstant,
    error_rate: float | None,
    min_checks: int | None,
    min_workspaces: int | None,
    contract_faults: int | None,
    cooldown: timedelta | None,
) -> None:
    """Replay recorded runs under other thresholds, and compare trips, saved errors and lost checks.

    Calls that were refused in fact were never answered: what they would have come to is unknown, and counted as such.
    """
    in_force = replace(settings.breaker_policy(), is_enforced=True)
    wanted = {
        "error_rate": error_rate,
        "min_checks": min_checks,
        "min_workspaces": min_workspaces,
        "contract_faults": contract_faults,
        "cooldown": _in_range(cooldown),
    }
    policy = replace(in_force, **{name: value for name, value in wanted.items() if value is not None})  # type: ignore[arg-type]
    policy = replace(policy, max_cooldown=max(policy.max_cooldown, policy.cooldown))
    only = breaker_key(breaker) if breaker else None
    result = asyncio.run(_replayed(settings, since=since, policy=policy, in_force=in_force, only=only))
    if is_text(settings):
        replay_text.show(result)
    else:
        print_json(result)


def _in_range(cooldown: timedelta | None) -> timedelta | None:
    if cooldown is not None and not _SHORTEST <= cooldown <= _LONGEST:
        raise RequestError("--cooldown must be from 1s to 1d")
    return cooldown


async def _replayed(
    settings: Settings, *, since: TypedInstant, policy: BreakerPolicy, in_force: BreakerPolicy, only: BreakerKey | None
) -> ReplayResult:
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        request = ReplayRequest(since=since.at or now, until=now, policy=policy, in_force=in_force, only=only)
        return await replay_breakers(opened.store.ledger, request)


async def _show(settings: Settings, name: str | None, *, is_complete: bool) -> BreakerList:
    policy = settings.breaker_policy()
    key = breaker_key(name) if name else None
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        if key is None:
            return await list_breakers(opened.store, now=now, policy=policy, is_complete=is_complete)
        named = await opened.store.breakers.get(key) or Breaker(key=key)
        parts = [await opened.store.breakers.get(each) for each in await parts_of(key, opened.store)]
        named_and_parts = (each for each in (named, *parts) if each is not None)
        return BreakerList(shown=tuple(advice(each, now=now, policy=policy) for each in named_and_parts))


async def _acted(settings: Settings, order: Order) -> tuple[Advice, ...]:
    policy = settings.breaker_policy()
    async with bootstrap.open_database(settings) as opened:
        now = opened.clock.now()
        return (advice(await act(order, store=opened.store, now=now, policy=policy), now=now, policy=policy),)


def _print(settings: Settings, found: BreakerList) -> None:
    if is_text(settings):
        breaker_text.show(found)
    elif found.hidden_count:
        facts = {"parkedCount": found.parked_count, "hiddenCount": found.hidden_count, "parkedCauses": found.causes}
        print_json({"breakers": found.shown, **facts})
    else:
        print_json({"breakers": found.shown})
