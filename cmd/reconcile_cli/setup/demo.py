"""``reconcile demo``: the incident with and without guards, in less than a minute."""

import asyncio
from contextlib import aclosing

import click

from reconcile.drill.incident import DrillPlan, DrillResult, drill
from reconcile_cli.main import ExitCode
from reconcile_cli.options import examples
from reconcile_cli.setup import demo_text


@click.command()
@examples("reconcile demo")
def command() -> None:
    """Show a healthy run, the incident, the stop and the recovery on this machine.

    It uses an embedded database, a simulated provider and simulated time, and compares with the same code without
    breakers, backoff and stored state.
    """
    guarded, unguarded = asyncio.run(play(DrillPlan(), DrillPlan(is_guarded=False)))
    demo_text.closing(guarded, unguarded)
    is_successful = guarded.ticks_to_recover is not None and not guarded.wrong_writes
    click.get_current_context().exit(ExitCode.DONE if is_successful else ExitCode.FAILED)


async def play(plan: DrillPlan, bare: DrillPlan) -> tuple[DrillResult, DrillResult]:
    """Run both variants minute by minute, and print each minute."""
    demo_text.opening(plan)
    ticks, bare_ticks = [], []
    async with aclosing(drill(plan)) as ours, aclosing(drill(bare)) as others:
        async for tick in ours:
            ticks.append(tick)
            bare_ticks.append(await anext(others))
            demo_text.row(tick, bare_ticks[-1], plan=plan)
        bare_ticks += [tick async for tick in others]
    return DrillResult(ticks=tuple(ticks), plan=plan), DrillResult(ticks=tuple(bare_ticks), plan=bare)
