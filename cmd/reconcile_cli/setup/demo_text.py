"""Prints the drill: a line for each minute, and a summary."""

from rich.text import Text

from reconcile.domain.breaker.breaker import BreakerState
from reconcile.domain.formatting import keys
from reconcile.drill.incident import DrillPlan, DrillResult, Tick
from reconcile_cli.terminal import HEALTH_STYLES, QUIET, STATE_STYLES, console, safe

_WIDTHS = (7, 9, 15, 8, 7, 6, 18, 7, 5)


def opening(plan: DrillPlan) -> None:
    """Print the introduction and the column heads."""
    leads = plan.workspaces * plan.leads_per_workspace
    console().print("The incident, replayed on this machine", style="bold")
    console().print(
        f"{plan.workspaces} workspaces, {leads} leads, each due every minute. In minute {plan.breaks_at} all "
        f"GoHighLevel responses lose their id, for {plan.broken_ticks} minutes. Right: the same code without guards."
    )
    console().print()
    _line(*[("", "")] * 7, ("without", "bold"), (" guards", "bold"))
    _line(
        *((head, "bold") for head in ("minute", "provider", "health", "checked", "errors", "calls", "its breaker")),
        ("errors", "bold"),
        ("calls", "bold"),
    )


def row(tick: Tick, bare: Tick, *, plan: DrillPlan) -> None:
    """Print one minute of both variants."""
    report, state = tick.report, _state(tick)
    healed_at = plan.breaks_at + plan.broken_ticks
    provider = ("broken", "red") if tick.is_broken else ("healed" if tick.number >= healed_at else "well", "green")
    _line(
        (str(tick.number), QUIET),
        provider,
        (report.health.replace("_", " "), HEALTH_STYLES[report.health]),
        (str(report.leads_checked), ""),
        (str(report.errors), "red" if report.errors else QUIET),
        (str(tick.provider_calls), ""),
        (_describe(tick, state), STATE_STYLES[state]),
        (str(bare.report.errors), "red" if bare.report.errors else QUIET),
        (str(bare.provider_calls), ""),
    )
    if tick.number == plan.breaks_at and report.top_signatures:
        worst = report.top_signatures[0]
        console().print(safe(f"      └ {worst.key}", "red"))
        if worst.shape:
            console().print(safe(f"        {keys(worst.shape)}", QUIET))


def closing(guarded: DrillResult, unguarded: DrillResult) -> None:
    """Print the summary; every number is measured."""
    minutes = guarded.plan.broken_ticks
    recovery = guarded.ticks_to_recover
    back = f"back at full rate in minute {recovery} after recovery" if recovery else "not back at full rate"
    console().print()
    console().print(
        Text.assemble(
            ("With guards  ", "bold green"),
            f"{guarded.errors} errors and {guarded.calls_while_broken} provider calls in {minutes} broken minutes, "
            f"{guarded.wrong_writes} wrong writes, {back}.",
        )
    )
    console().print(
        Text.assemble(
            ("Without      ", "bold red"),
            f"{unguarded.errors} errors and {unguarded.calls_while_broken} provider calls in the same minutes, "
            f"{unguarded.wrong_writes} wrong writes: the same code without breakers, backoff and stored state.",
        )
    )
    console().print(
        Text.assemble(
            ("Yours        ", "bold"),
            ("RECONCILE_DATABASE_URL=postgresql://... reconcile doctor", "cyan"),
            " says what is missing, ",
            ("reconcile run --dry-run", "cyan"),
            " what would be repaired.",
        )
    )


def _state(tick: Tick) -> BreakerState:
    """Return the worst state that a breaker had at the end of the minute."""
    states = {breaker.effective_state(tick.report.timestamp) for breaker in tick.report.breakers}
    return next((each for each in (BreakerState.OPEN, BreakerState.HALF_OPEN) if each in states), BreakerState.CLOSED)


def _describe(tick: Tick, state: BreakerState) -> str:
    word = state.replace("_", " ")
    if state is BreakerState.OPEN:
        return f"{word}, probes fail" if tick.report.breakers[0].reason == "ProbeFailed" else f"{word}: stopped"
    return f"{word}, ramp" if state is BreakerState.HALF_OPEN else word


def _line(*cells: tuple[str, str]) -> None:
    line = Text()
    for (text, style), width in zip(cells, _WIDTHS, strict=True):
        line.append(f"{text:<{width}}", style=style)
    console().print(line, no_wrap=True, crop=False, overflow="ignore")
